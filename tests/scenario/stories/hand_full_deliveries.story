# A record is taken only when there is room for all that it could match: 4 deliveries for each record and one fan-out more.
settings records=1 partitions=1 fanout=8
subscription a ordering=none
subscription b ordering=none
subscription c ordering=none
subscription d ordering=none
subscription e ordering=none
subscription f ordering=none
subscription g ordering=none
subscription h ordering=none
assign p0:100
    credit p0 1
fetch p0:100 to=a,b,c,d,e,f,g,h
    start a@p0:100 attempt 1
    start b@p0:100 attempt 1
    start c@p0:100 attempt 1
    start d@p0:100 attempt 1
    start e@p0:100 attempt 1
    start f@p0:100 attempt 1
    start g@p0:100 attempt 1
    start h@p0:100 attempt 1
    credit p0 0
answer a@p0:100 delivered
answer b@p0:100 delivered
answer c@p0:100 delivered
answer d@p0:100 delivered
answer e@p0:100 delivered
answer f@p0:100 delivered
answer g@p0:100 delivered
show
    hand: 1 records, 10 bytes, 1 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 1 in air; dead letters: 0 writing, 0 waiting
    delivered 7, dead letters 0, late 0; lanes 8, halted 0
    p0: committed 100, frontier 100, next 101
answer h@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 1
