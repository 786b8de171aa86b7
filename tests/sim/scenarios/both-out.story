       4 * submit 2 green as 3 second
       4 node 2 accepts 3
       4 node 2 has 3
       4 node 0 has 3
       4 node 1 has 3
       5 * say 0 expels 0 second
       5 node 0 has these in: 1 2
       5 node 0 has said so
       5 node 1 has these in: 1 2
       5 node 2 has these in: 1 2
       6 * retract 2 3
       6 * say 2 expels 2 second
       6 node 2 has these in:
       6 node 2 has said so
       6 node 2 takes 3 back
       6 node 2 hides 3
       6 node 0 has these in:
       6 node 1 has these in:
      10 * expect 0 has 3
      20 * say 0 readmits 0 second
      20 node 0 has these in: 0
      20 node 0 has said so
      20 node 1 has these in: 0
      20 node 2 has these in: 0
      20 node 0 hides 3
      30 * expect 0 hides 3
     210 node 0 accepts 1000001
     210 node 0 has 1000001
     210 node 1 has 1000001
     210 node 2 has 1000001
     214 node 0 accepts 1000002
     214 node 0 has 1000002
     214 node 1 has 1000002
     214 node 2 has 1000002
     218 node 0 accepts 1000003
     218 node 0 has 1000003
     218 node 1 has 1000003
     218 node 2 has 1000003
     222 the link of 0 and 2 goes dead
     222 node 0 accepts 1000004
     222 node 0 has 1000004
     222 node 1 has 1000004
     222 node 2 has 1000004
