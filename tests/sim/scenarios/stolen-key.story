      10 * submit 0 clear as 1
      10 node 0 accepts 1
      10 node 0 has 1
      10 node 1 has 1
      10 node 2 has 1
      10 node 3 has 1
      12 * submit 0 clear as 2
      12 node 0 accepts 2
      12 node 0 has 2
      12 node 1 has 2
      12 node 2 has 2
      12 node 3 has 2
      20 * rotate 0
      30 * submit 0 clear as 3
      30 node 0 accepts 3
      30 node 0 has 3
      30 node 1 has 3
      30 node 2 has 3
      30 node 3 has 3
      40 * crash 3 for 2m
      40 node 3 crashes
      50 * forge 0 1 as 50
      50 the key of node 0 is stolen
      50 node 2 has 50
      55 * forge 0 1 as 51 back 30m
      55 node 2 has 51
      55 node 1 has 50
      55 node 1 has 51
      55 node 0 has 50
      55 node 0 has 51
      60 * unsay 0 1 3
      60 node 2 hides 3
      70 * expect 2 has 50
      70 * expect 2 has 51
      70 * expect 2 hides 3
      70 * expect 0 has 3
      72 node 1 hides 3
      80 * revoke 0
      80 node 0 revokes the stolen key
      80 node 1 has no longer 3
      80 node 1 hides 50
      80 node 1 hides 51
      80 node 2 has no longer 3
      80 node 2 hides 50
      80 node 2 hides 51
      80 node 1 has 3
      80 node 2 has 3
     120 * expect 1 hides 50
     120 * expect 2 hides 51
     120 * expect 1 has 3
     120 * expect 2 has 3
     130 * forge 0 1 as 52 back 10m
     135 * expect 1 lacks 52
     140 * submit 0 clear as 4
     140 node 0 accepts 4
     140 node 0 has 4
     140 node 1 has 4
     140 node 2 has 4
     160 node 3 starts
     176 node 3 has 4
     230 * expect 3 lacks 50
     230 * expect 3 has 3
     230 * expect 3 has 4
     230 * expect 3 has 1
     230 * expect same
     420 node 0 accepts 1000007
     420 node 0 has 1000007
     420 node 1 has 1000007
     420 node 2 has 1000007
     420 node 3 has 1000007
     424 node 0 accepts 1000008
     424 node 0 has 1000008
     424 node 1 has 1000008
     424 node 2 has 1000008
     424 node 3 has 1000008
     428 node 0 accepts 1000009
     428 node 0 has 1000009
     428 node 1 has 1000009
     428 node 2 has 1000009
     428 node 3 has 1000009
