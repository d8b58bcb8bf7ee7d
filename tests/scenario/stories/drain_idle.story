# Nothing in the air and nothing to commit: drained at once.
subscription crm
assign p0:100
    credit p0 100
drain 8s
    drained
    credit p0 0
