       0 * noise drop 95 reorder 14 crash 11 delay 394
       7 * crash 1 for 46.146
       7 node 1 crashes
       8 * crash 2 for 10.254
       8 node 2 crashes
      18 node 2 starts
      20 * submit 1 amber as 13 to 0 2
      27 node 0 crashes
      29 node 0 starts
      36 * submit 2 clear as 6
      36 node 2 accepts 6
      36 node 2 has 6
      46 * submit 0 green as 8
      46 node 0 accepts 8
      46 node 0 has 8
      46 * submit 1 green as 23
      53 node 1 starts
      53 node 1 crashes
      61 node 1 starts
      61 * submit 0 green as 3
      61 node 0 accepts 3
      61 node 0 has 3
      61 node 1 accepts 23
      61 node 1 has 23
      62 node 1 accepts 13
      62 node 1 has 13
      66 node 1 crashes
      72 * submit 1 clear as 9
      77 * submit 1 amber as 1 to 0
      78 * submit 2 green as 18
      78 node 2 accepts 18
      78 node 2 has 18
      78 * mute 2 1 for 46.656
      81 * submit 2 green as 15
      81 node 2 accepts 15
      81 node 2 has 15
      82 * submit 1 green as 16
      82 * clock 1 -3660d
      85 node 1 starts
      86 * submit 2 clear as 19
      86 node 2 crashes
      86 node 2 starts
      89 node 2 accepts 19
      97 * submit 2 amber as 11 to 0 1
      97 node 2 accepts 11
      97 node 2 has 19
      97 node 2 has 11
     100 * submit 2 clear as 0
     100 node 2 accepts 0
     100 node 2 has 0
     102 * crash 1 for 14.010
     102 node 1 crashes
     104 * retract 1 1
     109 * clock 1 0
     116 node 1 starts
     116 node 1 accepts 1
     116 node 1 has 1
     117 node 1 accepts 9
     117 node 1 has 9
     118 node 1 accepts 16
     118 node 1 has 16
     119 node 1 takes 1 back
     119 node 1 hides 1
     125 * submit 0 green as 10
     125 node 0 accepts 10
     125 node 0 has 10
     126 * clock 1 3660d
     127 * retract 2 18
     127 node 2 takes 18 back
     127 node 2 hides 18
     128 * submit 0 green as 14
     128 node 0 accepts 14
     128 node 0 has 14
     129 * submit 1 amber as 2 to 2
     129 node 1 accepts 2
     129 node 1 has 2
     134 * submit 1 clear as 4
     134 node 1 accepts 4
     134 node 1 has 4
     141 * submit 2 clear as 5
     141 node 2 crashes
     144 node 1 crashes
     145 * retract 2 5
     153 * submit 1 clear as 21
     153 node 1 starts
     156 node 1 accepts 21
     156 node 1 has 21
     156 * clock 1 0
     159 node 2 starts
     159 node 2 accepts 5
     160 node 2 takes 5 back
     160 node 2 hides 5
     160 * submit 2 amber as 24 to 0
     160 node 2 accepts 24
     160 node 2 has 24
     162 node 1 crashes
     165 node 1 starts
     165 * submit 1 green as 20
     165 node 1 accepts 20
     165 node 1 has 20
     167 node 1 crashes
     180 * submit 1 green as 7
     182 node 1 starts
     183 node 1 accepts 7
     183 node 1 has 7
     186 node 0 has 13
     186 node 0 hides 1
     191 node 1 crashes
     197 node 0 crashes
     199 node 1 starts
     205 node 0 starts
     207 node 1 crashes
     217 * submit 0 clear as 12
     217 node 0 accepts 12
     217 node 0 has 12
     218 * submit 2 amber as 22 to 0
     218 node 2 accepts 22
     218 node 2 has 22
     221 node 1 starts
     221 * retract 1 7
     221 node 1 takes 7 back
     221 node 1 hides 7
     223 node 2 has 9
     230 node 1 has 0
     230 node 1 has 6
     230 node 1 hides 5
     230 node 1 has 19
     230 node 2 crashes
     232 * submit 1 clear as 17
     232 node 1 accepts 17
     232 node 1 has 17
     232 node 0 has 17
     233 node 1 crashes
     233 * retract 0 12
     233 node 0 takes 12 back
     233 node 0 hides 12
     233 node 0 crashes
     244 node 2 starts
     244 node 1 starts
     244 node 2 crashes
     250 node 0 starts
     252 node 1 crashes
     257 node 2 starts
     258 node 1 starts
     261 node 2 has 17
     261 node 1 hides 18
     261 node 1 has 15
     288 * retract 1 17
     288 node 1 takes 17 back
     288 node 1 hides 17
     288 node 2 hides 17
     288 node 0 has 6
     288 node 0 has 9
     288 node 0 has 19
     288 node 0 has 0
     288 node 0 hides 5
     288 node 0 hides 17
     288 node 1 hides 12
     288 node 0 hides 18
     288 node 0 has 15
     288 node 0 has 20
     288 node 0 hides 7
     288 node 1 has 8
     288 node 1 has 3
     288 node 1 has 10
     288 node 1 has 14
     289 node 2 hides 12
     289 node 1 has 11
     289 node 2 has 8
     289 node 2 has 23
     289 node 2 has 3
     289 node 2 has 16
     289 node 2 has 10
     289 node 2 has 14
     289 node 2 has 20
     289 node 2 hides 7
     289 node 2 has 13
     289 node 0 has 11
     289 node 0 has 23
     289 node 0 has 16
     468 node 2 accepts 1000025
     468 node 2 has 1000025
     468 node 1 has 1000025
     468 node 0 has 1000025
     472 node 2 accepts 1000026
     472 node 2 has 1000026
     472 node 1 has 1000026
     472 node 0 has 1000026
     476 node 2 accepts 1000027
     476 node 2 has 1000027
     476 node 1 has 1000027
     476 node 0 has 1000027
