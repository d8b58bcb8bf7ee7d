# The log no longer has the offset that was to be read: held and said, what is in hand goes on.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
gap p0:101
    report p0 held: gap (nobody), at 101
    credit p0 0
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
committed p0
gap p0#7:5
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 1, dead letters 0, late 1; lanes 1, halted 0
    p0: committed 101, frontier 101, next 101
revoke p0
    release partition p0
assign p0:150
    credit p0 100
