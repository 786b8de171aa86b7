       5 * turn 1 censor
       5 * turn 1 withhold
      10 * submit 0 green as 1
      10 node 0 accepts 1
      10 node 0 has 1
      10 node 1 has 1
      10 node 3 has 1
      10 node 2 has 1
      12 * expect 3 has 1
      60 * expect 2 has 1
