       0 * noise drop 95 reorder 14 crash 11 delay 394
       7 * crash 1 for 46.146
       7 node 1 crashes
       8 * crash 2 for 10.254
       8 node 2 crashes
      18 node 2 starts
      20 * submit 1 amber as 13 to 0 2
      36 * submit 2 clear as 6
      36 node 2 accepts 6
      36 node 2 has 6
      46 * submit 0 green as 8
      46 node 0 crashes
      46 * submit 1 green as 23
      53 node 1 starts
      53 node 1 accepts 13
      53 node 1 has 13
      54 node 2 crashes
      55 node 1 accepts 23
      55 node 1 has 23
      60 node 0 starts
      61 node 0 accepts 8
      61 * submit 0 green as 3
      61 node 0 accepts 3
      61 node 0 has 8
      61 node 0 has 3
      62 node 1 has 3
      62 node 2 starts
      65 node 0 crashes
      71 node 0 starts
      71 node 0 crashes
      71 node 0 starts
      72 * submit 1 clear as 9
      72 node 1 accepts 9
      72 node 1 has 9
      72 node 0 has 9
      77 * submit 1 amber as 1 to 0
      77 node 1 accepts 1
      77 node 1 has 1
      78 * submit 2 green as 18
      78 node 2 crashes
      78 * mute 2 1 for 46.656
      79 node 1 crashes
      81 * submit 2 green as 15
      82 node 2 starts
      82 * submit 1 green as 16
      82 * clock 1 -3660d
      84 node 2 accepts 18
      84 node 2 accepts 15
      84 node 2 has 18
      84 node 2 has 15
      86 * submit 2 clear as 19
      86 node 2 accepts 19
      86 node 2 has 19
      91 node 1 starts
      97 * submit 2 amber as 11 to 0 1
      97 node 2 accepts 11
      97 node 2 has 11
     100 * submit 2 clear as 0
     100 node 2 accepts 0
     100 node 2 has 0
     102 * crash 1 for 14.010
     102 node 1 crashes
     104 * retract 1 1
     109 * clock 1 0
     116 node 1 starts
     118 node 1 accepts 16
     118 node 1 has 16
     119 node 1 takes 1 back
     119 node 1 hides 1
     125 * submit 0 green as 10
     125 node 0 accepts 10
     125 node 0 has 10
     125 node 0 crashes
     126 * clock 1 3660d
     127 * retract 2 18
     127 node 2 takes 18 back
     127 node 2 hides 18
     128 * submit 0 green as 14
     129 * submit 1 amber as 2 to 2
     129 node 1 accepts 2
     129 node 1 has 2
     134 * submit 1 clear as 4
     134 node 1 accepts 4
     134 node 1 has 4
     141 * submit 2 clear as 5
     141 node 2 accepts 5
     141 node 2 has 5
     143 node 0 starts
     143 node 0 accepts 14
     143 node 0 has 14
     145 * retract 2 5
     145 node 2 takes 5 back
     145 node 2 hides 5
     149 node 2 crashes
     153 * submit 1 clear as 21
     153 node 1 accepts 21
     153 node 1 has 21
     156 * clock 1 0
     160 * submit 2 amber as 24 to 0
     161 node 0 crashes
     162 node 2 starts
     163 node 2 crashes
     165 * submit 1 green as 20
     165 node 1 accepts 20
     165 node 1 has 20
     170 node 0 starts
     171 node 2 starts
     172 node 2 accepts 24
     172 node 2 has 24
     176 node 1 crashes
     180 * submit 1 green as 7
     193 node 1 starts
     195 node 1 accepts 7
     195 node 1 has 7
     197 node 1 crashes
     204 node 1 starts
     204 node 1 crashes
     209 node 1 starts
     213 node 2 has 9
     213 node 1 has 19
     213 node 1 has 0
     213 node 1 has 6
     213 node 1 hides 5
     217 * submit 0 clear as 12
     217 node 0 crashes
     218 node 0 starts
     218 * submit 2 amber as 22 to 0
     218 node 2 accepts 22
     218 node 2 has 22
     220 node 0 accepts 12
     221 node 0 hides 1
     221 node 0 has 12
     221 node 0 has 13
     221 * retract 1 7
     221 node 1 takes 7 back
     221 node 1 hides 7
     222 node 0 hides 7
     222 node 0 has 19
     222 node 0 has 0
     222 node 0 has 6
     222 node 0 hides 5
     222 node 2 crashes
     223 node 1 has 12
     228 node 0 crashes
     232 * submit 1 clear as 17
     232 node 1 accepts 17
     232 node 1 has 17
     232 node 0 starts
     233 node 0 crashes
     233 * retract 0 12
     233 node 2 starts
     235 node 0 starts
     235 node 1 crashes
     236 node 0 takes 12 back
     236 node 0 hides 12
     246 node 1 starts
     248 node 2 has 12
     248 node 2 has 17
     249 node 1 hides 18
     249 node 1 has 15
     250 node 0 has 15
     250 node 0 hides 18
     250 node 1 hides 12
     253 node 0 crashes
     253 node 2 hides 12
     255 node 0 starts
     287 node 1 crashes
     288 * retract 1 17
     288 node 1 starts
     288 node 2 hides 7
     288 node 1 has 11
     288 node 2 has 13
     288 node 2 has 23
     288 node 2 has 3
     288 node 2 has 16
     291 node 1 takes 17 back
     291 node 1 hides 17
     291 node 2 hides 17
     294 node 0 hides 17
     294 node 0 has 11
     311 node 1 has 8
     311 node 1 has 10
     311 node 1 has 14
     311 node 0 has 23
     311 node 0 has 16
     311 node 2 has 8
     311 node 2 has 10
     311 node 2 has 14
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
