# A revoke cancels what is in the air, commits what is settled, awaits the answer, and only then gives the partition up.
# Answers of the old assignment are dropped; the next owner reads again from the commit.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
    credit p0 99
revoke p0
    cancel crm@p0:102
    release payload p0:102
    credit p0 0
# The first commit was outstanding: its answer first, then the last commit.
committed p0
    commit p0 at 102
answer crm@p0:102 delivered
fetch p0:103 to=crm
    release payload p0:103
committed p0
    release partition p0
revoke p0
assign p0:102
    credit p0 100
answer crm@p0:102 delivered
fetch p0#1:103 to=crm
    release payload p0:103
fetch p0:102 to=crm
    start crm@p0:102 attempt 1
    credit p0 99
answer crm@p0:102 delivered
    release payload p0:102
    commit p0 at 103
    credit p0 100
committed p0
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 3, dead letters 0, late 5; lanes 1, halted 0
    p0: committed 103, frontier 103, next 103
