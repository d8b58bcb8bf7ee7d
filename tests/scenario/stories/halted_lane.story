# A dead endpoint halts its lane after halt_after failures in a row and is probed, 5 s doubling; another subscription of
# the same events goes on. A probe is the first event owed. When one gets through, all is due at once, in log order.
settings halt_after=3 probe_max=12s
subscription dead ordering=none
subscription well ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=dead,well
    start dead@p0:100 attempt 1
    start well@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=dead,well
    start dead@p0:101 attempt 1
    start well@p0:101 attempt 1
    credit p0 98
fetch p0:102 to=dead,well
    start dead@p0:102 attempt 1
    start well@p0:102 attempt 1
    credit p0 97
fetch p0:103 to=dead,well
    start dead@p0:103 attempt 1
    start well@p0:103 attempt 1
    credit p0 96
answer well@p0:100 delivered
answer well@p0:101 delivered
answer dead@p0:102 failed
answer dead@p0:100 failed
answer dead@p0:101 failed
    report dead on p0 halted: failing
answer well@p0:102 delivered
# Nothing starts while something is in the air, though the time for a probe has come.
wait 7s
answer dead@p0:103 failed
    start dead@p0:100 attempt 2, a probe
answer dead@p0:100 failed
wait
  17s
    start dead@p0:100 attempt 3, a probe
answer dead@p0:100 failed
wait
  29s
    start dead@p0:100 attempt 4, a probe
answer dead@p0:100 failed
fetch p0:104 to=dead,well
    start well@p0:104 attempt 1
    credit p0 95
answer well@p0:103 delivered
answer well@p0:104 delivered
wait
  41s
    start dead@p0:100 attempt 5, a probe
show
    hand: 5 records, 50 bytes, 5 deliveries
    deliveries: 0 blocked, 4 ready, 0 waiting, 1 in air; dead letters: 0 writing, 0 waiting
    delivered 5, dead letters 0, late 0; lanes 2, halted 1
    p0: committed 100, frontier 100, next 105
answer dead@p0:100 delivered
    report dead on p0 resumed
    release payload p0:100
    start dead@p0:101 attempt 2
    start dead@p0:102 attempt 2
    start dead@p0:103 attempt 2
    start dead@p0:104 attempt 1
    commit p0 at 101
    credit p0 96
answer dead@p0:101 delivered
    release payload p0:101
    credit p0 97
answer dead@p0:102 delivered
    release payload p0:102
    credit p0 98
answer dead@p0:103 delivered
    release payload p0:103
    credit p0 99
answer dead@p0:104 delivered
    release payload p0:104
    credit p0 100
committed p0
wait 1s
  42s
    commit p0 at 105
