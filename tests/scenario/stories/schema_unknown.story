# An unknown schema holds its partition for schema_wait; then its records are dead letters, later ones at once. Another
# partition goes on. Each assignment waits anew, and each schema for itself.
subscription crm ordering=none
assign p0:100
    credit p0 100
assign p1:500
    credit p0 50
    credit p1 50
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 49
fetch p0:101 schema=77
    report p0 held: schema unknown (nobody), at 101
    credit p0 0
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
committed p0
fetch p1:500 to=crm
    start crm@p1:500 attempt 1
    credit p1 49
answer crm@p1:500 delivered
    release payload p1:500
    commit p1 at 501
    credit p1 50
committed p1
wait 10m
  600s
    write dead letter nobody@p0:101: schema unknown
    report p0 flowing: schema unknown (nobody), at 101
    credit p0 49
written nobody@p0:101
    release payload p0:101
    commit p0 at 102
    credit p0 50
committed p0
fetch p0:102 schema=77
    write dead letter nobody@p0:102: schema unknown
    credit p0 49
written nobody@p0:102
    release payload p0:102
    credit p0 50
fetch p0:103 schema=78
    report p0 held: schema unknown (nobody), at 103
    credit p0 0
revoke p0
    release payload p0:103
    commit p0 at 103
    credit p1 100
committed p0
    release partition p0
assign p0:103
    credit p0 50
    credit p1 50
fetch p0:103 schema=77
    report p0 held: schema unknown (nobody), at 103
    credit p0 0
