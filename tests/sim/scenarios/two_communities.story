       1 * submit 1 green as 1 second
       1 * submit 1 green as 2
       1 node 1 accepts 1
       1 node 1 accepts 2
       1 node 1 has 1
       1 node 1 has 2
       1 node 0 has 2
       1 node 2 has 1
       1 node 2 has 2
       1 node 3 has 1
       1 node 3 has 2
       1 node 4 has 2
       2 * submit 3 green as 3 second
       2 node 3 accepts 3
       2 node 3 has 3
       2 node 2 has 3
       2 node 1 has 3
       5 * split 0 1 for 1m
       6 * submit 2 green as 4 second
       6 * submit 2 green as 5
       6 node 2 accepts 4
       6 node 2 accepts 5
       6 node 2 has 4
       6 node 2 has 5
       6 node 3 has 4
       6 node 3 has 5
       6 node 4 has 5
      10 * backup 3
      20 * submit 1 green as 6 second
      20 node 1 accepts 6
      20 node 1 has 6
      30 * crash 2 for 10
      30 node 2 crashes
      40 node 2 starts
      65 node 2 has 6
      65 node 1 has 4
      65 node 1 has 5
      65 node 3 has 6
      65 node 0 has 5
      90 * restore 3
      90 node 3 starts
      90 node 3 has no longer 6
     100 * retract 1 1
     100 node 1 takes 1 back
     100 node 1 hides 1
     100 node 2 hides 1
     100 node 3 hides 1
     100 node 3 has 6
     200 * expect 0 lacks 1
     200 * expect 0 has 2
     200 * expect 2 hides 1
     200 * expect 1 has 3
     200 * expect 2 has 3
     200 * expect 4 lacks 3
     200 * expect 3 has 4
     200 * expect 1 has 4
     200 * expect 0 lacks 4
     200 * expect 4 lacks 4
     200 * expect 0 has 5
     200 * expect 3 has 6
     200 * expect 4 lacks 6
     390 node 0 accepts 1000006
     390 node 0 has 1000006
     390 node 1 has 1000006
     390 node 2 has 1000006
     390 node 3 has 1000006
     390 node 4 has 1000006
     394 node 0 accepts 1000007
     394 node 0 has 1000007
     394 node 1 has 1000007
     394 node 2 has 1000007
     394 node 3 has 1000007
     394 node 4 has 1000007
     398 node 0 accepts 1000008
     398 node 0 has 1000008
     398 node 1 has 1000008
     398 node 2 has 1000008
     398 node 3 has 1000008
     398 node 4 has 1000008
