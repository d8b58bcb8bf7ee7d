# An event that is refused for the last time during a drain gets no dead letter any more: it is read again after the next
# start.
settings refused=0
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
drain 8s
    credit p0 0
answer crm@p0:100 refused
    drained
show
    hand: 1 records, 10 bytes, 1 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 1 waiting
    delivered 0, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 100, next 101
