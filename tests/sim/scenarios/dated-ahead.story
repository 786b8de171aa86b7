     135 * submit 0 green as 21 large
     135 node 0 accepts 21
     135 node 0 has 21
     135 node 1 has 21
     135 node 2 has 21
     171 * clock 1 3660d
     171 * submit 0 amber as 0 to 1 2 large
     171 node 0 accepts 0
     171 node 0 has 0
     178 * retract 0 0
     178 node 0 takes 0 back
     178 node 0 hides 0
     185 * restore 2
     185 node 2 starts
     189 * submit 1 amber as 15 to 0 2 large
     189 node 1 accepts 15
     189 node 1 has 15
     198 * submit 1 green as 11
     198 node 1 accepts 11
     198 node 1 has 11
     199 node 1 crashes
     199 node 1 starts
     199 node 1 hides 0
     201 node 2 hides 0
     799 node 2 accepts 1000004
     799 node 2 has 1000004
     799 node 1 has 1000004
     799 node 0 has 1000004
     803 node 2 accepts 1000005
     803 node 2 has 1000005
     803 node 1 has 1000005
     803 node 0 has 1000005
     807 node 2 accepts 1000006
     807 node 2 has 1000006
     807 node 1 has 1000006
     807 node 0 has 1000006
