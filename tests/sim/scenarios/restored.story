       5 * submit 1 clear as 0
       5 node 1 accepts 0
       5 node 1 has 0
       5 node 0 has 0
       5 node 2 has 0
       5 node 3 has 0
      10 * backup 1
      10 * backup 2
      15 * submit 1 green as 1
      15 * renew 1
      15 node 1 accepts 1
      15 node 1 has 1
      15 node 0 has 1
      15 node 2 has 1
      15 node 3 has 1
      16 * submit 2 clear as 2
      16 * renew 2
      16 node 2 accepts 2
      16 node 2 has 2
      16 node 1 has 2
      16 node 3 has 2
      16 node 0 has 2
      30 * cut 1 2 for 1m
      31 * restore 1 told
      31 node 1 starts
      31 node 1 has no longer 1
      31 node 1 has no longer 2
      31 node 1 has 2
      31 node 1 has 1
      32 * submit 1 clear as 3
      33 * renew 1
      80 * expect 1 has 1
      80 * expect 0 lacks 3
     113 node 1 accepts 3
     113 node 1 has 3
     113 node 0 has 3
     113 node 2 has 3
     113 node 3 has 3
     150 * expect 0 has 3
     160 * restore 2
     160 node 2 starts
     160 node 2 has no longer 1
     160 node 2 has no longer 2
     160 node 2 has no longer 3
     161 node 2 has 2
     161 node 2 has 3
     161 node 2 has 1
     220 * submit 2 clear as 4
     220 node 2 accepts 4
     220 node 2 has 4
     220 node 3 has 4
     220 node 1 has 4
     220 node 0 has 4
     221 * renew 2
     230 * expect 3 has 4
     230 * expect 2 has 2
     230 * expect same
     420 node 3 accepts 1000005
     420 node 3 has 1000005
     420 node 2 has 1000005
     420 node 1 has 1000005
     420 node 0 has 1000005
     424 node 3 accepts 1000006
     424 node 3 has 1000006
     424 node 2 has 1000006
     424 node 1 has 1000006
     424 node 0 has 1000006
     428 node 3 accepts 1000007
     428 node 3 has 1000007
     428 node 2 has 1000007
     428 node 1 has 1000007
     428 node 0 has 1000007
