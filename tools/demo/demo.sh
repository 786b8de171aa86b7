#!/bin/sh
# Three councils on this machine, Hokkaido - Kinki - Chugoku, linked in a chain: who gets what, what a killed node misses and how it
# catches up, and that no store holds anything in plain text. Status 0 only where all of it held.
set -u
LC_ALL=C.UTF-8
export LC_ALL

usage() {
    cat <<'END'
Usage: [KAIRAN=PROGRAM KAIRAND=PROGRAM] demo.sh [--keep] [--lang ja|en]

Runs three councils in temporary directories on loopback and shows how reports travel between them.

  --keep         leave the federation running; says how to talk to it and how to end it
  --lang ja|en   language (default: that of the environment)
END
}

here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$here/../.." && pwd)
keep=no
case ${LANG:-} in ja*) lang=ja ;; *) lang=en ;; esac
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=yes ;;
    --lang) lang=${2:-}; shift ;;
    --lang=*) lang=${1#--lang=} ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    [ $# -gt 0 ] && shift
done
case $lang in ja | en) ;; *) usage >&2; exit 2 ;; esac
for program in "${KAIRAN:=kairan}" "${KAIRAND:=kairand}"; do
    command -v "$program" >/dev/null || { echo "demo.sh: $program is not there: set KAIRAN and KAIRAND" >&2; exit 2; }
done

# ---- saying things ----

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
fi
text() { if [ "$lang" = ja ]; then printf '%s' "$1"; else printf '%s' "$2"; fi; } # text JAPANESE ENGLISH
head_line() { printf '\n%s%s%s\n' "$bold" "$(text "$1" "$2")" "$plain"; }
say() { printf '  %s\n' "$(text "$1" "$2")"; }
now_ms() { date +%s%3N; }
mark() { began=$(now_ms); }
held() { printf '  %s✓%s %s %s(%s ms)%s\n' "$green" "$plain" "$(text "$1" "$2")" "$dim" "$(($(now_ms) - began))" "$plain"; }
failures=0
broken() {
    printf '  %s✗ %s%s\n' "$red" "$(text "$1" "$2")" "$plain"
    failures=$((failures + 1))
}
give_up() {
    broken "$1" "$2"
    for council in hokkaido kinki chugoku; do
        if [ -s "$root/$council.log" ]; then
            echo "--- $council" >&2
            tail -n 8 "$root/$council.log" >&2
        fi
    done
    exit 1
}

# ---- the federation ----

root=$(mktemp -d "${TMPDIR:-/tmp}/kairan-demo.XXXXXX") || exit 1
chmod 700 "$root"
pid_hokkaido='' pid_kinki='' pid_chugoku=''

end_all() {
    status=$?
    trap - EXIT INT TERM HUP
    if [ "$keep" = kept ]; then
        exit "$status"
    fi
    for pid in $pid_hokkaido $pid_kinki $pid_chugoku; do
        kill -TERM "$pid" 2>/dev/null
    done
    wait
    rm -rf "$root"
    exit "$status"
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A port that nobody listens on, below those that the system gives to outgoing connections.
free_port() {
    awk -v from="$1" '
        BEGIN {
            for (i = 1; i <= 2; i++) {
                file = i == 1 ? "/proc/net/tcp" : "/proc/net/tcp6"
                while ((getline line < file) > 0) {
                    split(line, field, " ")
                    port = field[2]
                    sub(/^.*:/, "", port)
                    used[port] = 1
                }
            }
            for (port = from; used[sprintf("%04X", port)]; port++) {
            }
            print port
        }'
}

node() { name=$1; shift; "$KAIRAN" --state "$root/$name" --lang "$lang" "$@"; } # node COUNCIL COMMAND...

make_node() { # make_node COUNCIL JAPANESE ENGLISH PORT [OPTIONS...]
    council=$1 name_ja=$2 name_en=$3 endpoint=tcp://127.0.0.1:$4
    shift 4
    "$KAIRAND" --init --state "$root/$council" --name-ja "$name_ja" --name-en "$name_en" --endpoint "$endpoint" "$@" \
        </dev/null >"$root/$council.id" 2>"$root/$council.log" || give_up "$name_ja を作れません" "$name_en cannot be made"
    cat >"$root/$council/kairan.conf" <<END
[node]
listen = $endpoint
endpoint = $endpoint
[guard]
allow_documentation = yes
END
}

start_node() { # start_node COUNCIL: its process id in $started
    "$KAIRAND" --state "$root/$1" </dev/null >>"$root/$1.log" 2>&1 &
    started=$!
    echo "$started" >"$root/$1.pid"
    node "$1" status --wait 60s >/dev/null 2>&1 || give_up "$1 が起動しません" "$1 does not start"
}

code_of() { # code_of COUNCIL OTHER, as soon as there is one
    until code=$(node "$1" peer code "$2" --json 2>/dev/null | sed -n 's/.*"code": *"\([0-9]*\)".*/\1/p') && [ -n "$code" ]; do
        [ $(($(now_ms) - began)) -lt 60000 ] || give_up "確認番号が出ません" "there is no code"
    done
    printf '%s\n' "$code"
}

link() { # link INVITER JOINER AND THEIR NAMES
    ticket=$(node "$1" invite --ttl 10m 2>/dev/null) || give_up "招待券を作れません" "no ticket can be made"
    printf '%s\n' "$ticket" | grep -o 'kairan1[a-z0-9]*' | node "$2" join - >/dev/null 2>"$root/said" ||
        give_up "接続できません: $(cat "$root/said")" "cannot join: $(cat "$root/said")"
    # What two operators do on the telephone: each enters what the other one reads out.
    code_here=$(code_of "$1" "$4") && code_there=$(code_of "$2" "$3")
    say "$3 の確認番号 $code_here、$4 の確認番号 $code_there：電話で照合" "code at $3: $code_here, at $4: $code_there, compared by telephone"
    node "$1" peer confirm "$4" "$code_there" >/dev/null 2>"$root/said" && node "$2" peer confirm "$3" "$code_here" >/dev/null 2>"$root/said" ||
        give_up "確認できません: $(cat "$root/said")" "the code is not taken: $(cat "$root/said")"
}

# Waits, one question after the other, until the node knows so many members of the community.
wait_for_members() { # wait_for_members COUNCIL COUNT
    until [ "$(node "$1" councils --json 2>/dev/null | grep -c '"communities": *\[{')" -ge "$2" ]; do
        [ $(($(now_ms) - began)) -lt 60000 ] || give_up "参加が伝わりません" "the membership does not arrive"
    done
}

submit() { # submit COUNCIL FILE ARGUMENTS...: ids of its records, one a line, go to $root/ids
    council=$1
    shift
    node "$council" submit "$@" -y --json >"$root/said" 2>"$root/why" ||
        give_up "$council の提出が断られました: $(cat "$root/said" "$root/why")" \
            "the submission at $council was refused: $(cat "$root/said" "$root/why")"
    sed -n 's/.*"ids": *\[\([^]]*\)\].*/\1/p' "$root/said" | tr -d '" ' | tr ',' '\n' >"$root/ids"
    [ -s "$root/ids" ] || give_up "提出の答えが読めません" "the answer to the submission cannot be read: $(cat "$root/said")"
}

# Values of the records whose ids are in $root/ids, as the node has them; those that JSON has to escape are left out.
values_of() { # values_of COUNCIL
    while read -r id; do
        node "$1" show "$id" --json
    done <"$root/ids" | sed 's/"type"/\n&/g' | sed -n 's/^"type":.*"value": *"\([^"\\]*\)".*/\1/p'
}

# ---- the play ----

demo_began=$(now_ms)
printf '%s%s%s\n' "$bold" "$(text '回覧: 三つの協議会、一つの注意喚起' 'Kairan: three councils and one warning')" "$plain"
say "北海道 ── 近畿 ── 中国（両端は直接つながっていません）" "Hokkaido -- Kinki -- Chugoku (the two ends have no link)"

head_line "0. 三つのノードを作り、招待券でつなぐ" "0. Make three nodes and link them by tickets"
mark
first_port=$((10000 + $$ % 7000 * 3))
port_h=$(free_port "$first_port") && port_k=$(free_port $((port_h + 1))) && port_c=$(free_port $((port_k + 1)))
make_node hokkaido 北海道 Hokkaido "$port_h" --found-community SECUNITY
make_node kinki 近畿 Kinki "$port_k"
make_node chugoku 中国 Chugoku "$port_c"
start_node hokkaido && pid_hokkaido=$started
start_node kinki && pid_kinki=$started
start_node chugoku && pid_chugoku=$started
held "三つのノードが動いています" "three nodes are running"
mark
link hokkaido kinki "$(text 北海道 Hokkaido)" "$(text 近畿 Kinki)"
wait_for_members kinki 2
link kinki chugoku "$(text 近畿 Kinki)" "$(text 中国 Chugoku)"
wait_for_members chugoku 3
wait_for_members hokkaido 3
for council in hokkaido chugoku; do
    [ "$(node "$council" peers --json | grep -c .)" -eq 1 ] || give_up "$council の接続先が一つではありません" "$council has not just one link"
done
held "招待券二枚と電話二本で一列につながり、三者がコミュニティの一員です" \
    "two tickets and two telephone calls made a chain; all three are members of one community"

head_line "1. 注意喚起メール（ISO-2022-JP）を TLP:AMBER で、北海道から近畿だけへ" \
    "1. An advisory mail in Japanese (ISO-2022-JP), TLP:AMBER, from Hokkaido to Kinki alone"
mark
submit hokkaido "$source_dir/tests/data/demo/advisory.eml" --label amber --to Kinki
values_of hokkaido >"$root/amber.values"
say "メールから見つかった値: $(grep -c . "$root/amber.values")（[.] や hxxp、全角を戻して）" \
    "values found in the mail: $(grep -c . "$root/amber.values") (hxxp, [.] and full-width letters undone)"
sed 's/^/      /' "$root/amber.values"
node kinki lookup --wait 60s 203.0.113.91 >/dev/null 2>&1 || give_up "近畿に届きません" "it does not reach Kinki"
held "近畿で調べられます" "Kinki can look it up"

head_line "2. フィッシングの URL を TLP:GREEN で、北海道から。中国へは近畿を通って届く" \
    "2. Phishing URLs at TLP:GREEN from Hokkaido; they reach Chugoku through Kinki"
real=${KAIRAN_SHARED_DATA:-$source_dir/../shared/data}/jpcert-phishing/202501.csv
set --
if [ -r "$real" ]; then
    tail -n +2 "$real" | cut -d, -f2 >"$root/urls"
    say "JPCERT/CC が確認した実際の URL（2025年1月）" "real URLs confirmed by JPCERT/CC (January 2025)"
    set -- --force --reason "confirmed by JPCERT/CC"
else
    awk 'BEGIN {
        split("login secure account update verify member service my", word, " ")
        split("bank card parcel mobile rail tax mall power", brand, " ")
        split("example example.com example.net example.org", top, " ")
        for (i = 0; i < 3000; i++)
            printf "https://%s-%s%05d.%s/%s/?token=%07x\n", word[i % 8 + 1], brand[int(i / 8) % 8 + 1], i * 7919 % 100000, \
                top[i % 4 + 1], word[(i + 3) % 8 + 1], i * 48271 % 268435399
    }' >"$root/urls"
    say "作りものの URL（毎回同じ）" "made-up URLs, the same each time"
fi
mark
submit hokkaido "$root/urls" --label green --title "フィッシングサイトの一覧" "$@"
held "北海道で保存済み: $(grep -c . "$root/urls") 行、$(grep -c . "$root/ids") 件の情報" \
    "safe on disk at Hokkaido: $(grep -c . "$root/urls") lines as $(grep -c . "$root/ids") record(s)"
values_of hokkaido >"$root/green.values"
say "異なる URL: $(grep -c . "$root/green.values")" "different URLs: $(grep -c . "$root/green.values")"
node chugoku lookup -f "$root/green.values" --type url --wait 60s >/dev/null 2>&1 ||
    give_up "中国に全部は届きません" "not all of it reaches Chugoku"
held "提出の始めから、中国で全部が見つかるまで" "from the submission's start until Chugoku finds every one of them"

head_line "3. 近畿を SIGKILL で止め、その間に提出し、近畿が戻って追いつく" \
    "3. Kinki is killed with SIGKILL; more is submitted; Kinki returns and catches up"
kill -KILL "$pid_kinki"
wait "$pid_kinki" 2>/dev/null
pid_kinki=''
say "近畿は止まりました（SIGKILL）" "Kinki is dead (SIGKILL)"
submit hokkaido "hxxps://rusuchuu-ichi[.]example/login" --label green --title "近畿が不在の間の報告"
submit hokkaido "hxxps://rusuchuu-ni[.]example/login" --label amber --to Kinki --title "近畿だけへ、不在の間に"
submit chugoku "hxxps://rusuchuu-san[.]example/login" --label green --title "中国からの報告"
if node chugoku lookup rusuchuu-ichi.example >/dev/null 2>&1; then
    broken "近畿を通らずに届きました" "it arrived without Kinki"
else
    say "三件を提出（GREEN、近畿への AMBER、中国から GREEN）。まだ近畿の向こうへは届きません" \
        "three more reports (GREEN; AMBER to Kinki; GREEN from Chugoku); none can get past Kinki yet"
fi
mark
start_node kinki && pid_kinki=$started
node kinki lookup --wait 60s rusuchuu-ichi.example rusuchuu-ni.example rusuchuu-san.example >/dev/null 2>&1 ||
    give_up "近畿が追いつきません" "Kinki does not catch up"
node chugoku lookup --wait 60s rusuchuu-ichi.example >/dev/null 2>&1 || give_up "中国に届きません" "it does not reach Chugoku"
node hokkaido lookup --wait 60s rusuchuu-san.example >/dev/null 2>&1 || give_up "北海道に届きません" "it does not reach Hokkaido"
held "近畿が起動し、追いつき、両隣へ渡しました" "Kinki started, caught up, and passed it on to both sides"

head_line "4. 同じ値を三者が調べる" "4. All three look the same values up"
value_head=$(text '値                                           ' 'value                                        ')
printf '  %s%-11s %s %s%s\n' "$dim" "TLP" "$value_head" "$(text '北海道  近畿  中国' 'Hokkaido  Kinki  Chugoku')" "$plain"
row() { # row LABEL VALUE EXPECTED(three of y n) [LOOKUP OPTIONS...]
    label=$1 value=$2 expected=$3 seen='' marks=''
    shift 3
    for council in hokkaido kinki chugoku; do
        node "$council" lookup "$@" "$value" >/dev/null 2>"$root/why"
        case $? in
        0) seen=${seen}y marks="$marks$(text '  ●   ' '   ●     ')" ;;
        1) seen=${seen}n marks="$marks$(text '  ·   ' '   ·     ')" ;;
        *) give_up "調べられません: $(cat "$root/why")" "the look-up fails: $(cat "$root/why")" ;;
        esac
    done
    shown=$value
    [ ${#shown} -le 44 ] || shown=$(printf '%.41s...' "$value")
    if [ "$seen" = "$expected" ]; then verdict="$green✓$plain"; else
        verdict="$red✗ $(text 'のはずではない' 'not as it should be')$plain"
        failures=$((failures + 1))
    fi
    printf '  %-11s %-45s %s %s\n' "$label" "$shown" "$marks" "$verdict"
}
mark
row TLP:AMBER 'https://koushin-kakunin.example/api/v3/?id=HKD' yyn
row TLP:AMBER 203.0.113.91 yyn
row TLP:AMBER seikyu@invoice-desk.example yyn
row TLP:AMBER 6b1f0f7b4e1ad3a5c9d2e8f70412b6c3a89d5e7f1023c4b5d6e7f8091a2b3c4d yyn
row TLP:AMBER rusuchuu-ni.example yyn
row TLP:GREEN "$(sed -n 1p "$root/green.values")" yyy --type url
row TLP:GREEN "$(sed -n '$p' "$root/green.values")" yyy --type url
row TLP:GREEN rusuchuu-ichi.example yyy
row TLP:GREEN rusuchuu-san.example yyy
row - dare-mo-shiranai.example nnn
for council in hokkaido kinki chugoku; do
    green_there=$(node "$council" lookup -f "$root/green.values" --type url --json 2>/dev/null | grep -o '"query": *"[^"]*"' | sort -u | grep -c .)
    [ "$green_there" -eq "$(sort -u "$root/green.values" | grep -c .)" ] ||
        broken "$council に GREEN の値が足りません: $green_there" "$council lacks GREEN values: it has $green_there"
    node "$council" verify >/dev/null 2>&1 || broken "$council の保管に問題があります" "the store of $council does not verify"
done
amber_at_chugoku=$(node chugoku ls --label amber --json 2>/dev/null | grep -c .)
[ "$amber_at_chugoku" -eq 0 ] || broken "中国に AMBER の情報があります" "Chugoku holds AMBER records"
[ "$failures" -eq 0 ] && held "すべてあるべきとおり（GREEN は全値、保管の検査も）" "all as it should be (every GREEN value, and each store verifies)"

head_line "5. 保管されたバイトの中に平文を探す" "5. Search the raw bytes of the stores for plain text"
mark
{
    cat "$root/amber.values" "$root/green.values"
    printf '%s\n' rusuchuu-ichi rusuchuu-ni rusuchuu-san 請求書を装うメール フィッシングサイトの一覧 近畿が不在の間の報告 近畿だけへ、不在の間に \
        中国からの報告 会員機関に、請求書を装うメール
} | grep . | sort -u >"$root/plain"
holds_plain() { LC_ALL=C grep -r -q -a -F -f "$root/plain" "$root/$1"; } # holds_plain COUNCIL
# The search itself is tried first: with one value planted beside a store, it must find it.
sed -n '$p' "$root/amber.values" >"$root/kinki/planted"
holds_plain kinki || broken "探し方が働きません" "the search does not work"
rm "$root/kinki/planted"
bytes=0
for council in hokkaido kinki chugoku; do
    bytes=$((bytes + $(cat "$root/$council/store/"* | wc -c)))
    if holds_plain "$council"; then
        broken "$council に平文があります" "$council holds plain text"
    fi
done
[ "$failures" -eq 0 ] &&
    held "$(grep -c . "$root/plain") 個の値と題名を $((bytes / 1024)) KiB の中に探し、一つもありません" \
        "$(grep -c . "$root/plain") values and titles searched in $((bytes / 1024)) KiB: none"

printf '\n'
if [ "$failures" -ne 0 ]; then
    printf '%s%s%s\n' "$red" "$(text "$failures 件が成り立ちませんでした" "$failures thing(s) did not hold")" "$plain"
    exit 1
fi
printf '%s%s%s (%s.%s s)\n' "$bold" "$(text 'すべて成り立ちました' 'All of it held')" "$plain" \
    $((($(now_ms) - demo_began) / 1000)) $((($(now_ms) - demo_began) % 1000 / 100))
if [ "$keep" = yes ]; then
    keep=kept
    say "三つのノードは動き続けています。話しかけるには:" "The three nodes go on running. To talk to them:"
    for council in hokkaido kinki chugoku; do
        printf '    %s --state %s --lang %s status\n' "$KAIRAN" "$root/$council" "$lang"
    done
    say "終えるには:" "To end them:"
    printf '    kill %s && rm -rf %s\n' "$pid_hokkaido $pid_kinki $pid_chugoku" "$root"
fi
exit 0
