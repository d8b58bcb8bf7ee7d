# attempts_max for all lanes together: they take turns.
settings attempts=2
subscription a ordering=none
subscription b ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=a
    start a@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=a
    start a@p0:101 attempt 1
    credit p0 98
fetch p0:102 to=a
    credit p0 97
fetch p0:103 to=b
    credit p0 96
fetch p0:104 to=b
    credit p0 95
answer a@p0:100 delivered
    release payload p0:100
    start a@p0:102 attempt 1
    commit p0 at 101
    credit p0 96
answer a@p0:101 delivered
    release payload p0:101
    start b@p0:103 attempt 1
    credit p0 97
answer a@p0:102 delivered
    release payload p0:102
    start b@p0:104 attempt 1
    credit p0 98
answer b@p0:103 delivered
    release payload p0:103
    credit p0 99
answer b@p0:104 delivered
    release payload p0:104
    credit p0 100
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 5, dead letters 0, late 0; lanes 2, halted 0
    p0: committed 100, frontier 105, next 105
