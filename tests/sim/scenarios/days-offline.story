    3600 * submit 0 clear as 1
    3600 node 0 accepts 1
    3600 node 0 has 1
    3600 node 1 has 1
    3600 node 2 has 1
    7200 * crash 2 for 2d
    7200 node 2 crashes
   18000 * submit 0 green as 2
   18000 node 0 accepts 2
   18000 node 0 has 2
   18000 node 1 has 2
   21600 * submit 1 amber as 3 to 2
   21600 node 1 accepts 3
   21600 node 1 has 3
   25200 * retract 0 1
   25200 node 0 takes 1 back
   25200 node 0 hides 1
   25200 node 1 hides 1
   28800 * submit 1 clear as 4 lives 10h
   28800 node 1 accepts 4
   28800 node 1 has 4
   28800 node 0 has 4
   64836 node 0 hides 4
   64858 node 1 hides 4
  176400 * expect 1 hides 1
  180000 node 2 starts
  180002 node 2 hides 1
  180002 node 2 has 2
  180002 node 2 has 3
  183600 * expect 2 hides 1
  183600 * expect 2 has 2
  183600 * expect 2 has 3
  183600 * expect 2 lacks 4
  183897 node 2 hides 4
  187380 node 2 accepts 1000004
  187380 node 2 has 1000004
  187380 node 1 has 1000004
  187380 node 0 has 1000004
  187384 node 2 accepts 1000005
  187384 node 2 has 1000005
  187384 node 1 has 1000005
  187384 node 0 has 1000005
  187388 node 2 accepts 1000006
  187388 node 2 has 1000006
  187388 node 1 has 1000006
  187388 node 0 has 1000006
