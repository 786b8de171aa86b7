/* kairan: the command line of a Kairan node. The table of subcommands, and what --help says. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "crypto/secret.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

static const char usage[] =
    N_("Usage: kairan [--node NAME | --state DIR | --socket PATH] [--json] [--lang ja|en] COMMAND [ARGUMENTS]\n"
       "\n"
       "Shares indicators with other councils under TLP 2.0, through the node (kairand) that runs on this machine, or one\n"
       "at which you are enrolled.\n"
       "\n");

static const char usage_end[] =
    N_("\n"
       "Options for every command:\n"
       "  --state DIR    state directory of the node; else KAIRAN_STATE, else as kairand has it (root: /var/lib/kairan;\n"
       "                 others: $XDG_STATE_HOME/kairan or ~/.local/state/kairan)\n"
       "  --socket PATH  the node's socket itself; else kairand.sock in the state directory\n"
       "  --node NAME    a node elsewhere, at which this machine was enrolled (kairan enrol); else KAIRAN_NODE; else, where no\n"
       "                 node is on this machine, the only one at which it was\n"
       "  --node-passphrase-file FILE, --node-passphrase-fd N   the passphrase of that enrolment, if it is under one\n"
       "  --key-passphrase-file FILE, --key-passphrase-fd N     likewise of your own key (kairan key)\n"
       "  --json         print for programs: one object, or one object a line for lists\n"
       "  --lang ja|en   language of messages; else that of the environment. TLP labels are never translated\n"
       "  --help         help, also for each command: kairan COMMAND --help\n"
       "  --version      print the version\n"
       "\n"
       "Exit status: 0 done (look-ups: found), 1 nothing found, 2 mistake, refusal or failure.\n"
       "NO_COLOR=1 switches colours off; they are only used on a terminal.\n");

const struct kr_command kr_commands[] = {
    {"init", kr_run_init, N_("make a new node (a council with its keys)"),
     N_("Usage: kairan init --name-ja NAME --name-en NAME [OPTIONS]\n"
        "\n"
        "Makes the keys and the card of a new council. One of the names may be left out.\n"
        "\n"
        "  --region NAME                region\n"
        "  --contact-name, --contact-mail, --contact-telephone, --contact-hours TEXT   contact window\n"
        "  --endpoint tcp://HOST:PORT   where other councils reach this node; left out: it only dials out\n"
        "  --found-community NAME       found a community (the first council of one does)\n"
        "  --newcomers past|from-now-on what newcomers there get of GREEN records (default: past); see kairan community --help\n"
        "  --passphrase-file FILE, --passphrase-fd N   protect the keyring with a passphrase\n"
        "\n"
        "Example: kairan init --name-en Hokkaido --endpoint tcp://203.0.113.5:7370 --found-community Japan\n")},
    {"passphrase", kr_run_passphrase, N_("change the passphrase of the node's keys"),
     N_("Usage: kairan passphrase [--new-passphrase-file FILE | --new-passphrase-fd N] [OPTIONS]\n"
        "\n"
        "Puts the keyring under another passphrase, or under one if it has none. Stop the node first. Asks on the terminal for\n"
        "the old one, and twice for the new one. Whatever goes wrong, the keyring still opens with the old one.\n"
        "\n"
        "  --new-passphrase-file FILE, --new-passphrase-fd N   read the new one from a file that only this user can read, or\n"
        "                               from a descriptor\n"
        "  --passphrase-file FILE, --passphrase-fd N           the same for the old one\n"
        "\n"
        "The node's keys stay the same. Copies of the keyring that were made before still open with the old passphrase.\n"
        "\n"
        "Example: kairan passphrase\n")},
    {"backup", kr_run_backup, N_("make a backup of the node while it runs, or check one"),
     N_("Usage: kairan backup [--to DIRECTORY|FILE] [--full] [--config FILE]\n"
        "       kairan backup verify DIRECTORY|FILE... [--paper FILE | -]\n"
        "\n"
        "Makes a backup of the store as it is at one moment, the keyring (under its passphrase, as it lies on the disk), the\n"
        "configuration and the warning lists, sealed to the council's recovery key: it opens with the recovery paper alone.\n"
        "The node may run or not. In a directory that holds a backup of this node already, what is new is added to that.\n"
        "\n"
        "  --to DIRECTORY|FILE   where to (default: this directory); a file: a whole backup\n"
        "  --full                make a whole one, not an addition\n"
        "  --config FILE         where the node's configuration is, if not where kairand looks for it\n"
        "  --paper FILE          verify: the lines of the recovery paper (-: type them in); opens every byte. Without, every\n"
        "                        byte is held against its hashes\n"
        "\n"
        "\"verify\" takes a directory (the newest backup in it) or all files of one. It needs no node.\n"
        "\n"
        "Example: kairan backup --to /media/backup\n")},
    {"restore", kr_run_restore, N_("put a node back from a backup"),
     N_("Usage: kairan restore DIRECTORY|FILE... --to DIRECTORY [--paper FILE | -]\n"
        "       kairan restore --verify DIRECTORY|FILE... [--paper FILE | -]\n"
        "       kairan restore finish [--force]\n"
        "\n"
        "Makes a node's state directory from a backup: the newest in a directory, or all files of one, from the whole one on.\n"
        "Asks for the lines of the recovery paper (or reads them with --paper). Never writes over a node that is there.\n"
        "\n"
        "A restored node signs nothing and takes no ticket until it has been found equal with every council that it was linked\n"
        "with: else it would sign again what it has signed otherwise since. \"finish\" says whether that is over, or for whom it\n"
        "waits; with --force it is over. Force it when a council that it waits for is gone for good, and when nobody was linked.\n"
        "\n"
        "  --to DIRECTORY   the state directory: not there yet, or without a node\n"
        "  --paper FILE     the lines of the recovery paper (-, the default: type them in)\n"
        "  --verify         restore nothing; the same as kairan backup verify\n"
        "\n"
        "Example: kairan restore /media/backup --to /var/lib/kairan\n")},
    {"root", kr_run_root, N_("take the root and recovery keys off the node, into a safe"),
     N_("Usage: kairan root [show]\n"
        "       kairan root export --to DIRECTORY|FILE [--passphrase-file FILE | --passphrase-fd N]\n"
        "       kairan root paper\n"
        "       kairan root forget --root FILE [--passphrase-file FILE | --passphrase-fd N]\n"
        "       kairan root forget --paper FILE | -\n"
        "       kairan root recover --paper FILE | - --to DIRECTORY|FILE [--since WHEN] [OPTIONS]\n"
        "\n"
        "The root key signs who the council is, whom it vouches for and which nodes speak for it. It is needed a few times a\n"
        "year and belongs on a stick in a safe. The recovery key can only replace a root key that was lost or stolen, and\n"
        "belongs on paper, in another safe.\n"
        "\n"
        "  show      whether the two are on this node\n"
        "  export    write the root key to a stick, under a passphrase of its own, and read it back\n"
        "  paper     print the recovery key as five lines; each has a checksum\n"
        "  forget    take a key off the node, once you have shown the copy that stays\n"
        "  recover   the root key was lost or stolen: the paper makes another one, and another recovery key. Shown and written\n"
        "            first: the new paper, and the new root key's file. Linked councils are to be called: they give this one\n"
        "            nothing but TLP:CLEAR until they have run kairan peer confirm-root\n"
        "\n"
        "  --since WHEN    recover: it was stolen, then at the earliest. What it signed since and was not made at this node\n"
        "                  counts no more (without it: it was lost, and all that is here holds)\n"
        "  --taken-over    recover: so was this machine: what was made here since then counts no more either\n"
        "  --keep-others, --end-others\n"
        "                  recover: node, sealing and transport keys on the council's card that are not this node's are those\n"
        "                  of its other nodes, or the thief's\n"
        "  --finish        recover: it broke off behind the new key: say now what holds of the former ones (with --root FILE)\n"
        "  -y, --yes       recover: do not ask whether the paper is written\n"
        "\n"
        "Commands that need the root key then take --root FILE and ask for its passphrase (or take it from\n"
        "--root-passphrase-file FILE, --root-passphrase-fd N).\n"
        "\n"
        "Example: kairan root export --to /media/usb && kairan root forget --root /media/usb/kairan-root-1f0c8e2b.key\n"
        "         kairan root recover --paper - --to /media/usb --since 2026-04-01\n")},
    {"node", kr_run_node, N_("this node's keys, and the council's other nodes"), kr_help_node},
    {"council", kr_run_council, N_("show a council's card, or change this council's"),
     N_("Usage: kairan council [NAME|ID]\n"
        "       kairan council set [OPTIONS] [--root FILE]\n"
        "       kairan council publish [--root FILE]\n"
        "\n"
        "Shows who a council is and whom to call there (default: this council). \"set\" changes this council's card; all who\n"
        "have it get the new one. \"publish\" puts it into the directory of a community that was joined while the root key was\n"
        "not on the node.\n"
        "\n"
        "  --name-ja, --name-en NAME    names; \"\" takes one away\n"
        "  --region NAME                region\n"
        "  --contact-name, --contact-mail, --contact-telephone, --contact-hours TEXT   contact window\n"
        "  --endpoint tcp://HOST:PORT   where other councils reach this node (change it in its configuration, too); \"\": nowhere\n"
        "  --hosted-by NAME|ID          another council's operator runs this council's machine; \"\": its own\n"
        "  --root FILE                  the root key, where it is not on the node; its passphrase is asked for, or read from\n"
        "                               --root-passphrase-file FILE or --root-passphrase-fd N\n"
        "\n"
        "Example: kairan council set --contact-telephone 011-000-0000 --root /media/usb/kairan-root-1f0c8e2b.key\n")},
    {"alarms", kr_run_alarms, N_("root keys and tickets that may be in two hands"),
     N_("Usage: kairan alarms\n"
        "       kairan alarms settle COUNCIL\n"
        "       kairan alarms check FILE | -\n"
        "\n"
        "Lists councils that signed two different statements (cards, charters, vouches) of one version, or a card that dates a\n"
        "node key back to before the card before. An honest council does not: somebody else has its root key, or two machines\n"
        "use it. Call them on a number that you know. And tickets of this council's own that two machines, or two councils, used\n"
        "at two of its nodes: call the person, or whom you invited.\n"
        "\n"
        "  settle    you have dealt with it: status says no more of this council's alarms so far (of tickets: this council's own)\n"
        "  check     look whether what \"kairan --json alarms\" printed elsewhere is proof; needs no node\n"
        "\n"
        "Exit status: 0 there are some (check: proved), 1 none, 2 mistake, refusal or no proof.\n"
        "\n"
        "Example: kairan --json alarms > proof.json, and there: kairan alarms check proof.json\n")},
    {"invite", kr_run_invite, N_("print a ticket that links another council to this one"),
     N_("Usage: kairan invite [--ttl SPAN] [--community NAME|ID] [--link-only] [--by-hand] [--qr]\n"
        "\n"
        "Prints a ticket that can be used once. Give it to the other council over a way that you trust: whoever has it\n"
        "can use it. The other side enters it with: kairan join TICKET\n"
        "Then both sides see a code (kairan peer code) and compare it by telephone. The link is in force, and a vouch is\n"
        "given, when both have confirmed it (kairan peer confirm).\n"
        "\n"
        "  --ttl SPAN           how long it holds: 30m, 12h, 7d (default: 7d)\n"
        "  --community NAME|ID  vouch for the joiner in this community (default: the only one)\n"
        "  --link-only          link without vouching\n"
        "  --by-hand            for a ticket that you give by hand to somebody whom you know: the link is in force at once,\n"
        "                       without a code. Never for one that is sent\n"
        "  --qr                 show it as a QR code, too\n"
        "\n"
        "Example: kairan invite --ttl 2h\n")},
    {"join", kr_run_join, N_("use a ticket: link this council to the one that invites"),
     N_("Usage: kairan join TICKET [--timeout SPAN] [--by-hand] [--root FILE]\n"
        "\n"
        "Shows each step and ends when both councils are linked, with the code that is to be compared by telephone.\n"
        "\"-\" reads the ticket from standard input.\n"
        "\n"
        "  --by-hand        the ticket was given to you by hand, by somebody whom you know: a ticket that says so needs no code\n"
        "  --timeout SPAN   give up after this time without progress (default: 60s)\n"
        "  --root FILE      the root key, where it is not on the node: it signs this council's card for the community\n"
        "\n"
        "Example: kairan join kairan1qy...\n")},
    {"peers", kr_run_peers, N_("show the councils that this one is linked to"),
     N_("Usage: kairan peers\n"
        "\n"
        "Shows for each link whether it is up, what went over it and how fast it is, what is still missing, and how far the\n"
        "clocks are apart.\n"
        "\n"
        "Example: kairan peers --json\n")},
    {"peer", kr_run_peer, N_("confirm, pause, resume, remove or block a link, or add one through a third council"),
     N_("Usage: kairan peer code COUNCIL\n"
        "       kairan peer confirm COUNCIL CODE [--root FILE]\n"
        "       kairan peer reject COUNCIL\n"
        "       kairan peer pause|resume|remove|block|unblock COUNCIL [-y]\n"
        "       kairan peer add COUNCIL --through COUNCIL\n"
        "       kairan peer confirm-root COUNCIL [DIGITS]\n"
        "       kairan peer blocked\n"
        "\n"
        "All of it is in force at once, in both directions.\n"
        "\n"
        "  code      shows the code of a new link: telephone the other council, and compare\n"
        "  confirm   the code that you were told is the same: CODE is what you heard. The third wrong one removes the link\n"
        "  reject    it is another one, or you want no link: removes it and tells the other side\n"
        "  add       a link with a council that this node cannot dial, and that cannot dial this node: the council after\n"
        "            --through, which both are linked with, passes it on and can read none of it. The other council adds it\n"
        "            too, and the one in between allows it (kairan forward); no ticket is needed\n"
        "  pause     nothing goes over the link until it is resumed; what was missed then comes by itself\n"
        "  resume    open again; also where another key than those of its card was shown (stopped), and its operator says\n"
        "            that its keys are as they were: it is tried again, and stops again where they are not\n"
        "  remove    forgets the link; only a new ticket makes it again\n"
        "  block     the same, and no ticket links that council again until it is unblocked\n"
        "  blocked   lists the blocked councils\n"
        "  confirm-root\n"
        "            the council's root key was replaced by its recovery key: until you have called it and compared the first\n"
        "            20 digits of the new one, nothing but TLP:CLEAR goes over the link (kairan alarms).\n"
        "            Where this council has several nodes, once is enough, on any of them: the others take it over\n"
        "  -y, --yes do not ask before remove and block\n"
        "  --root    the root key, where it is not on the node: it signs the vouch that the ticket promised\n"
        "\n"
        "Records that are here already stay. Whether a council may read what it has, and get more through others, is not up\n"
        "to links: see kairan explain.\n"
        "\n"
        "Examples: kairan peer confirm Kinki 1234 5678\n"
        "          kairan peer pause Kinki\n"
        "          kairan peer add Tottori --through Hiroshima\n"
        "          kairan peer confirm-root Kinki 54ac e7a1 37a5 240f a77d\n")},
    {"forward", kr_run_forward, N_("pass frames on between two other councils, so that they have a link"),
     N_("Usage: kairan forward allow COUNCIL COUNCIL [--rate RATE]\n"
        "       kairan forward deny COUNCIL COUNCIL\n"
        "       kairan forward ls\n"
        "\n"
        "For two councils that can only dial out, and are both linked with this one. This node sees who talks with whom, when and\n"
        "how much, and can read none of it; it keeps nothing. Both run kairan peer add --through with this council's name.\n"
        "\n"
        "  allow         from now on; of a pair that is allowed already, another rate\n"
        "  deny          no more: their link ends at once\n"
        "  ls            the pairs, whether they use it, and how much goes through\n"
        "  --rate RATE   bytes a second, both ways together, 16K to 64M (default: 256K)\n"
        "\n"
        "Example: kairan forward allow Tottori Shimane --rate 512K\n")},
    {"link", kr_run_link, N_("links through TLS and HTTP proxies: configuration for stunnel"),
     N_("Usage: kairan link tls serve [--address ADDRESS] [--port PORT] [--cert FILE] [--node HOST:PORT]\n"
        "       kairan link tls dial PEER [--port PORT] [--proxy HOST:PORT [--proxy-user NAME [--proxy-password-file FILE]]]\n"
        "                            [--trust FILE] [--listen PORT]\n"
        "\n"
        "For councils that reach the Internet only by the web's port, or only through an HTTP proxy. Prints the configuration of\n"
        "stunnel, which carries the link in TLS. The link keeps its own encryption and its own proof of who is there: TLS is only\n"
        "the way. PEER is a council that is linked, a ticket, or tcp://HOST:PORT as the ticket has it.\n"
        "\n"
        "  serve                  for the council that is dialled: TLS in front of its node\n"
        "  dial                   for the council that dials; says, too, what kairan.conf needs\n"
        "  --port PORT            where TLS is spoken at the dialled council (default: 443)\n"
        "  --address ADDRESS      of the dialled council's machine, where TLS is spoken (default: all of them)\n"
        "  --cert FILE            its certificate with key (default: /etc/stunnel/kairan.pem)\n"
        "  --node HOST:PORT       where the node listens (default: this machine, the endpoint's port)\n"
        "  --proxy HOST:PORT      an HTTP proxy that allows CONNECT to that port\n"
        "  --proxy-user NAME      for a proxy that asks; the password is asked for, or read from --proxy-password-file FILE\n"
        "  --trust FILE           the peer's certificate: no other is taken (default: any; the link proves itself)\n"
        "  --listen PORT          the tunnel's near end on this machine (default: between 17000 and 17999, made from the address)\n"
        "\n"
        "Example: kairan link tls dial Kinki --proxy proxy.example.jp:8080 | sudo tee /etc/stunnel/kairan.conf\n")},
    {"councils", kr_run_councils, N_("list the councils that are known here"),
     N_("Usage: kairan councils\n"
        "\n"
        "Lists the directory: names and ids for submit --to, and the communities of each council.\n"
        "\n"
        "Example: kairan councils\n")},
    {"community", kr_run_community, N_("found a community, show it, leave it; why a council is a member"),
     N_("Usage: kairan community ls\n"
        "       kairan community show [NAME|ID]\n"
        "       kairan community create NAME [--founder COUNCIL]... --vouches N --quorum N [--newcomers WHAT] [--text FILE]\n"
        "       kairan community leave [NAME|ID] [--reason TEXT] [--withdraw] [-y]\n"
        "       kairan community why COUNCIL [--community NAME|ID]\n"
        "\n"
        "A community is a set of councils that share TLP:GREEN records. Nobody owns it: its founders are members from the start,\n"
        "others once enough members vouch for them, and a quorum of members can expel any. See docs/COMMUNITY.md.\n"
        "\n"
        "  --founder NAME|ID    a linked council that founds it together with this one; may be given several times\n"
        "  --vouches N          so many members must vouch for a new one; two let no single mistake in\n"
        "  --quorum N           so many members together expel one; more than half of the founders is a good number\n"
        "  --newcomers WHAT     past: they get all GREEN records (default); from-now-on: those written from when they are in\n"
        "  --text FILE          what is written of it for people: purpose, rules (\"-\": standard input)\n"
        "  --withdraw           leave: this council is back, where enough members vouch for it still\n"
        "  --root FILE          create, leave: the root key, where it is not on the node\n"
        "  -y, --yes            do not ask\n"
        "\n"
        "The rules cannot be changed later: found another community for that. why shows who vouched for the council, and for\n"
        "those in turn, up to founders; what was withdrawn; who expelled it; what is missing.\n"
        "\n"
        "Exit status: 0 done, 1 ls: no community, 2 failure.\n"
        "\n"
        "Examples: kairan community create Kinki --founder Osaka --founder Nara --vouches 2 --quorum 2\n"
        "          kairan community why Kobe\n")},
    {"vouch", kr_run_vouch, N_("vouch for a council in a community"),
     N_("Usage: kairan vouch COUNCIL [--community NAME|ID] [--reason TEXT]\n"
        "\n"
        "Tells all members, signed by this council, that it vouches for the other one. With as many vouches as the community\n"
        "asks for it is a member. The council has joined by somebody's ticket, which vouches for it, too (kairan invite).\n"
        "\n"
        "  --root FILE       the root key, where it is not on the node\n"
        "\n"
        "Example: kairan vouch Kobe\n")},
    {"unvouch", kr_run_unvouch, N_("withdraw a vouch"),
     N_("Usage: kairan unvouch COUNCIL --reason TEXT [--community NAME|ID]\n"
        "\n"
        "Left with too few vouches, the council is a member no more, nor are those whom it alone let in. What they have, they "
        "keep.\n"
        "\n"
        "  --root FILE       the root key, where it is not on the node\n"
        "\n"
        "Example: kairan unvouch Kobe --reason \"merged into another council\"\n")},
    {"expel", kr_run_expel, N_("expel a council from a community, together with others"),
     N_("Usage: kairan expel COUNCIL --reason TEXT [--community NAME|ID] [-y]\n"
        "       kairan expel COUNCIL --withdraw [--reason TEXT] [--community NAME|ID]\n"
        "\n"
        "Once as many members as the quorum have done so, the council is a member no more, whoever vouches for it, founders\n"
        "included. Nor are those whom it alone let in. See kairan community why COUNCIL.\n"
        "\n"
        "  --withdraw        take it back\n"
        "  --root FILE       the root key, where it is not on the node\n"
        "  -y, --yes         do not ask\n"
        "\n"
        "Example: kairan expel Kobe --reason \"its node was taken over\"\n")},
    {"submit", kr_run_submit, N_("share a report: text, mail or list"), kr_help_submit},
    {"import", kr_run_import, N_("take over what others write: mails, lists, CSV, STIX, MISP"),
     N_("Usage: kairan import FILE... | - [--label LABEL] [OPTIONS]\n"
        "\n"
        "Reads files, tells their format from what is in them, shows what was found and who would get it, and asks. A row that\n"
        "cannot be taken is told with its line and costs nothing else. What was imported before is not imported twice; what its\n"
        "origin has changed or taken back since is revised or retracted. Without a terminal, -y is needed.\n"
        "\n"
        "  --label LABEL         clear, green or amber; where the file says a stricter one, that wins\n"
        "  --to, --community, --title, --language, --severity, --expires, --exercise   as in kairan submit\n"
        "  --format FORMAT       text, mail, csv, stix, misp\n"
        "  --charset NAME        of a text or CSV (default: told from its bytes)\n"
        "  --map LIST            CSV: which column is what, by number or heading: value=2,type=1,note=Remarks,first=4\n"
        "                        (also last, confidence, action, label, reference, or a type: url=2; heading=none,\n"
        "                        delimiter=semicolon)\n"
        "  --origin NAME         organisation that a list without one comes from; --origin-id ID names it, --terms TEXT\n"
        "                        says how it may be used\n"
        "  -n, --dry-run         send nothing\n"
        "  --rows                show all rows that are not taken, not only the first 20 of a file\n"
        "  --force --reason TEXT send values that a guard holds back, or with a wider label than the file says\n"
        "  -y, --yes             do not ask\n"
        "\n"
        "A folder with a manifest.json is read as a MISP feed. Spreadsheets, PDF and Outlook's .msg are to be saved as CSV or\n"
        "text first.\n"
        "\n"
        "Exit status: 0 done (rows may have been left out), 1 nothing to import, 2 mistake, refusal or failure of a file.\n"
        "\n"
        "Examples: kairan import 202502.csv --label clear\n"
        "          kairan import members.csv --label amber --to Kinki --dry-run\n"
        "          zcat list.csv.gz | kairan import - --map url=2,note=3 --label green -y\n")},
    {"retract", kr_run_retract, N_("take a record of this council back, everywhere"),
     N_("Usage: kairan retract ID --reason TEXT [-y]\n"
        "\n"
        "Shows the record and who is told, and asks. The nodes of all who have it delete its text and its indicators, also\n"
        "when they were away. Only the council that wrote a record can take it back, and a retraction is final.\n"
        "\n"
        "  --reason TEXT     why, for those who have it\n"
        "  --language CODE   language of the reason (default: told from it)\n"
        "  -y, --yes         do not ask\n"
        "\n"
        "Example: kairan retract 3f9a0c21b7d4 --reason \"wrong host\"\n")},
    {"revise", kr_run_revise, N_("put a corrected record in the place of one of this council's"),
     N_("Usage: kairan revise ID [FILE | - | TEXT...] [OPTIONS]\n"
        "\n"
        "Like submit, but for the label and those who get it: they are those of the record with this ID, which is deleted\n"
        "everywhere as by retract. See kairan submit --help for the options. What is for bodies or persons by name can be\n"
        "corrected by whoever can read it, for those who had it; those of other councils are named again by address.\n"
        "\n"
        "Example: kairan revise 3f9a0c21b7d4 corrected.txt\n")},
    {"retractions", kr_run_retractions, N_("show and confirm the retractions that wait here"),
     N_("Usage: kairan retractions [confirm COUNCIL|ID]\n"
        "\n"
        "Where another council takes back more than 32 records in a day, the others wait: ask it by telephone first, for its\n"
        "key may have been stolen. Then confirm all that wait of the council, or one by its id.\n"
        "\n"
        "Exit status: 0 some wait (confirm: done), 1 none, 2 failure.\n"
        "\n"
        "Example: kairan retractions confirm Kinki\n")},
    {"sighting", kr_run_sighting, N_("tell those who have a record that it was seen here, or is harmless"),
     N_("Usage: kairan sighting ID [VALUE] [--false-positive] [--count N] [OPTIONS]\n"
        "\n"
        "Goes where the record went, with its label, and is shown with it by kairan show, counted by council. VALUE is one that\n"
        "the record names, or one that it matches: of that, only the record's own value is sent. Left out: the record as a\n"
        "whole. When the record is taken back or expires, its sightings are shown no more.\n"
        "\n"
        "  --false-positive   it is harmless here\n"
        "  -n, --count N      how often it was seen (default: 1)\n"
        "  --first, --last WHEN   when it was seen first and last: 2026-11-25, 2026-11-25T09:30, or a span back: 2h\n"
        "  -y, --yes          do not ask\n"
        "\n"
        "Examples: kairan sighting 3f9a0c21b7d4 203.0.113.77 --count 12 --first 2d --last 1h\n"
        "          kairan sighting 3f9a0c21b7d4 cdn.example --false-positive\n")},
    {"lookup", kr_run_lookup, N_("look values up: addresses, names, URLs, hashes"),
     N_("Usage: kairan lookup VALUE... | -f FILE | - [OPTIONS]\n"
        "\n"
        "Says which records name a value: with label, council, age, and how long they hold. An address also matches networks\n"
        "around it, a name its parent domains and URLs there, a URL itself without its query and its host. Defanged spellings\n"
        "(hxxp, [.]) are understood. What was taken back or has expired is no longer found; what was taken back and waits for\n"
        "your word is shown, and says so.\n"
        "\n"
        "  -f, --file FILE    one value a line (\"-\": standard input), or a text: what is found in it; may be given several\n"
        "                     times. Empty lines and those that begin with \"#\" are passed over, others without a value are\n"
        "                     told and left out\n"
        "  --type TYPE        ipv4, ipv6, domain, url, email, md5, sha1, sha256, filename ... (default: told from the value)\n"
        "  --wait SPAN        wait until all values are found, at most this long\n"
        "\n"
        "Exit status: 0 found (with --wait: all of them), 1 not found, 2 failure, or not found and lines were left out.\n"
        "\n"
        "Examples: kairan lookup 203.0.113.77 \"hxxp://login[.]example/a?b\"\n"
        "          kairan lookup -f suspects.txt -f more.txt --json\n"
        "          cut -f3 proxy.log | sort -u | kairan lookup -\n"
        "          kairan lookup --wait 10s login.example\n")},
    {"export", kr_run_export, N_("write block lists, zones, rules and feeds"),
     N_("Usage: kairan export FORMAT [--out FILE|DIR] [OPTIONS]\n"
        "\n"
        "Writes what the label allows to leave Kairan for the defences of this council's members. RED never leaves; records of\n"
        "exercises only with --exercise, and then nothing else. See docs/EXPORT.md for examples with each product.\n"
        "\n"
        "  list        a directory, one file a type, as FortiGate, Palo Alto and pfSense pull them; best first\n"
        "  hosts, rpz, unbound    names (rpz: addresses, too) that resolvers do not answer\n"
        "  nftables, ipset        sets of addresses and networks\n"
        "  suricata    a directory: rules and datasets\n"
        "  csv, json   everything that is known of each value\n"
        "  stix        a STIX 2.1 bundle with TLP 2.0 markings\n"
        "  misp-feed   a directory: a feed for each label; what is taken back stays in it, deleted\n"
        "\n"
        "  -o, --out FILE|DIR   replaced whole, and only where something has changed (default: standard output)\n"
        "  --watch              stay, and write again when something changes\n"
        "  --label-max LABEL    clear, green or amber: nothing stricter (default: what may be exported)\n"
        "  --types TYPE,...     only these: ipv4, domain, url, sha256 ...\n"
        "  --min-councils N     named by so many councils of their own; copies of one report count once\n"
        "  --confidence N       at least, 0 to 100; without it also those where it is not stated\n"
        "  --min-age, --max-age SPAN   first reported so long ago; last reported no longer ago: 12h, 90d\n"
        "  --max-entries N      of each file: the best ones, and says how many it left out\n"
        "  --exclude FILE       values, one a line, that are never written, with what is around and below them\n"
        "  --any-action         block lists and rules: also what nobody means for that\n"
        "  --since CURSOR       only what is new since an earlier export said this cursor\n"
        "  --excel              csv: for spreadsheets (byte order mark)\n"
        "  --zone NAME          rpz: name of the zone (default: rpz.kairan)\n"
        "  --bare               list: without head comment\n"
        "  --exercise           what belongs to exercises, and nothing else\n"
        "  --body               and what is for your own body alone (TLP:AMBER+STRICT), opened here with its key: for its own\n"
        "                       defences and nobody else's\n"
        "\n"
        "Exit status: 0 done, also where nothing had to be written; 2 failure: what stood there stands.\n"
        "\n"
        "Examples: kairan export list --out /srv/www/kairan --max-entries 100000 --watch\n"
        "          kairan export rpz --out /var/lib/bind/rpz.kairan.db --min-councils 2\n"
        "          kairan export csv --excel --max-age 30d > kairan.csv\n")},
    {"scan", kr_run_scan, N_("search logs for what is known"),
     N_("Usage: kairan scan FILE|DIRECTORY|-... [OPTIONS]\n"
        "\n"
        "Searches logs for every value that this node knows: text, gzip, zstd, all files below a directory, or standard input. "
        "Values\n"
        "are found as whole words: 1.2.3.4 is not in 11.2.3.45, bad.example not in notbad.example; but networks contain addresses, "
        "and\n"
        "bad.example also stands for what is below it. Nothing of a log leaves this machine.\n"
        "\n"
        "  --values FILE    search for these, one a line, instead of what the node knows (then no node is needed)\n"
        "  --no-url-hosts   leave out lines that only name the host of a URL (as CONNECT lines do)\n"
        "  -a, --binary     search files that look binary, too\n"
        "  -j, --threads N  default: as many as there are cores\n"
        "  --sighting       tell those who have the records, after asking (-y: without), that their values were seen here\n"
        "  --resume         go on where the search of the same files was stopped with Ctrl-C\n"
        "\n"
        "Exit status: 0 found, 1 nothing found, 2 failure, also where a file could not be read to its end.\n"
        "Searching subscribers' logs touches the secrecy of communications; see docs/SCAN.md before you do.\n"
        "\n"
        "Examples: kairan scan /var/log/squid\n"
        "          kairan scan access.log.zst --json\n"
        "          ssh proxy zcat /var/log/access.log.gz | kairan scan -\n")},
    {"ls", kr_run_ls, N_("list records, newest first"),
     N_("Usage: kairan ls [OPTIONS]\n"
        "\n"
        "  --kind KIND        report, advisory\n"
        "  --label LABEL      clear, green, amber, amber+strict, red\n"
        "  --since WHEN       2026-11-01, or a span back: 7d\n"
        "  --author NAME|ID   of one council\n"
        "  --limit N          at most so many (default: all)\n"
        "\n"
        "What is for bodies or persons by name is opened here where it is for you; of the rest only author, label and time show.\n"
        "\n"
        "Exit status: 0 some, 1 none, 2 failure.\n"
        "\n"
        "Example: kairan ls --since 7d --label amber\n")},
    {"show", kr_run_show, N_("show one record with its text and indicators"),
     N_("Usage: kairan show ID\n"
        "\n"
        "ID is a record's id or its beginning (8 digits or more).\n"
        "\n"
        "Example: kairan show 3f9a0c21b7d4\n")},
    {"explain", kr_run_explain, N_("say why a record is here, from whom, and who may see it next"),
     N_("Usage: kairan explain ID\n"
        "\n"
        "ID is a record's id or its beginning (8 digits or more).\n"
        "\n"
        "Example: kairan explain 3f9a0c21b7d4\n")},
    {"status", kr_run_status, N_("show how the node is"),
     N_("Usage: kairan status [--wait SPAN]\n"
        "\n"
        "  --wait SPAN   wait until the node answers and its network side is up, at most this long\n"
        "\n"
        "Exit status: 0 all is well, 1 something is wrong (said in the output), 2 no answer.\n"
        "\n"
        "Example: kairan status --wait 10s\n")},
    {"watch", kr_run_watch, N_("print records as they arrive"),
     N_("Usage: kairan watch [--count N] [--timeout SPAN]\n"
        "\n"
        "  --count N        end after so many\n"
        "  --timeout SPAN   end after this time\n"
        "\n"
        "Exit status: 0 as many came as --count wanted (at least one without it), 1 fewer, 2 failure.\n"
        "\n"
        "Example: kairan watch --count 1 --timeout 1m\n")},
    {"warninglist", kr_run_warninglist, N_("lists of values that must not become indicators"),
     N_("Usage: kairan warninglist [ls] | add FILE... | remove NAME...\n"
        "\n"
        "Takes warning lists in MISP's JSON format (github.com/MISP/misp-warninglists, list.json) of the types cidr, hostname,\n"
        "string, substring and regex. Values that are on one, and of the types that it is for (matching_attributes), are held\n"
        "back from submit and import, as those on the built-in lists are; --force --reason TEXT sends them all the same. A list\n"
        "that is added again replaces the old one.\n"
        "\n"
        "Exit status: 0 done (ls: there are some), 1 none, 2 failure.\n"
        "\n"
        "Example: kairan warninglist add misp-warninglists/lists/google/list.json\n")},
    {"body", kr_run_body, N_("the member bodies of this council"),
     N_("Usage: kairan body [ls] [--all | --listed] [--council NAME]\n"
        "       kairan body add --name-ja NAME [--name-en NAME] [OPTIONS]\n"
        "       kairan body set|suspend|resume|leave BODY [OPTIONS] [-y]\n"
        "\n"
        "Member bodies (organisations) of this council. Nothing of them ever leaves it but the names of those that agreed to it.\n"
        "BODY is a name or the beginning of an id.\n"
        "\n"
        "  ls         lists them; --all: also those that have left. --listed: instead, of all councils that share a community "
        "with\n"
        "             this one, those that agreed to being named, as their councils name them; --council NAME: of that one\n"
        "  suspend    nobody of the body may do anything here until it is resumed\n"
        "  leave      for good: its persons are revoked. What it submitted stays; what its persons exported stays with them\n"
        "  --name-ja, --name-en, --contact-name, --contact-mail, --contact-telephone TEXT\n"
        "  --listed, --unlisted   whether the body agrees to its names being told to the communities of this council (TLP:GREEN);\n"
        "             at first it does not. Nothing but the names is told; they are taken back at once when it agrees no more\n"
        "  -y, --yes  do not ask before leave\n"
        "\n"
        "Exit status: 0 done (ls: there are some), 1 none, 2 failure.\n"
        "\n"
        "Example: kairan body add --name-ja \"Sapporo City\" --contact-name \"IT policy\" --contact-telephone 011-555-0100\n"
        "         kairan body set \"Sapporo City\" --listed\n"
        "         kairan body ls --listed --council Kinki\n")},
    {"person", kr_run_person, N_("the persons of this council and their roles"),
     N_("Usage: kairan person [ls] [--body BODY] [--all]\n"
        "       kairan person add NAME --body BODY [--role ROLE,...] [--user LOGIN] [OPTIONS]\n"
        "       kairan person set|suspend|resume|revoke|bind|unbind|deputy PERSON [OPTIONS] [-y]\n"
        "       kairan person enrol PERSON [--days N] [--letter FILE] [--qr]\n"
        "\n"
        "As long as nobody is entered, whoever runs the node may do everything. From the first person on, everybody may do what\n"
        "roles say; the node's own user and root stay admins. PERSON is a name or the beginning of an id.\n"
        "\n"
        "  --role ROLE,...    reader (looks things up), analyst (submits), approver (approves), intake (knows who submitted),\n"
        "                     admin (people, links, keys). add without it: reader\n"
        "  --user LOGIN       the user of this machine that is this person; add, bind, unbind\n"
        "  --from DAY, --until DAY   the first and the last day; --until open: no last one\n"
        "  --contractor, --no-contractor   works for the body under a contract; needs --until\n"
        "  --name, --mail, --telephone TEXT\n"
        "  suspend, resume    for a time; revoke: for good (-y: without asking). In force at once\n"
        "  deputy PERSON --for OTHER [--until DAY]   has OTHER's roles too; --end: no more\n"
        "  enrol              prints a ticket with which one machine of the person's reaches the council's nodes over the network\n"
        "    --days N         good for so long (default: 7); --letter FILE: a letter to the person; --qr: as a QR code, too\n"
        "  unbind PERSON --key HEX   that machine (the beginning of its key) is nobody's any more; its connections end at once\n"
        "  --all              lists also those who were revoked\n"
        "\n"
        "Exit status: 0 done (ls: there are some), 1 none, 2 failure.\n"
        "\n"
        "Examples: kairan person add \"Sato Hanako\" --body \"Sapporo City\" --role analyst --user hanako\n"
        "          kairan person deputy \"Suzuki Ichiro\" --for \"Sato Hanako\" --until 2027-01-10\n")},
    {"enrol", kr_run_enrol, N_("reach the council's node from this machine"),
     N_("Usage: kairan enrol TICKET|- [--name NAME] [--via tcp://HOST:PORT]\n"
        "                    [--passphrase | --passphrase-file FILE | --passphrase-fd N]\n"
        "       kairan enrol ls\n"
        "       kairan enrol via tcp://HOST:PORT tcp://HOST:PORT|-\n"
        "\n"
        "Makes a key for this machine and has the node take it as yours, with a ticket from an admin of your council (kairan\n"
        "person enrol). From then on all commands reach that node with --node NAME, and where it cannot be reached another one of "
        "the\n"
        "council, by itself. The secret stays on this machine, in $XDG_CONFIG_HOME/kairan/nodes/NAME (~/.config).\n"
        "\n"
        "  --name NAME   what the node is called here (default: the council's name)\n"
        "  --via         dial this instead of the address in the ticket: stunnel on this machine (kairan link tls dial)\n"
        "  --passphrase  ask for one under which the key is kept; or from a file, or a descriptor\n"
        "  ls            where this machine is enrolled, and the addresses that it knows of each council's nodes\n"
        "  via           instead of that address, as ls shows it, dial the second one: a tunnel to another node. -: no more\n"
        "\n"
        "Compare the key that it prints for this machine with what kairan person ls shows the admin. Run it again where the\n"
        "connection broke: a ticket enrols one machine, once.\n"
        "\n"
        "Example: kairan enrol - --name kinki < ticket.txt && kairan --node kinki whoami\n")},
    {"drafts", kr_run_drafts, N_("what waits for approval"), kr_help_drafts},
    {"approve", kr_run_approve, N_("let a draft go out"),
     N_("Usage: kairan approve ID [-y]\n"
        "\n"
        "Shows the draft and asks. Nobody approves what he submitted himself, nor does a deputy for him. What is approved is what\n"
        "is shown: content, label, and whom it reaches. If it would reach others than when it was submitted, it goes back to its\n"
        "submitter instead. Guards look at it once more.\n"
        "\n"
        "  -y, --yes   do not ask\n"
        "\n"
        "Example: kairan approve 3f9a\n")},
    {"reject", kr_run_reject, N_("turn a draft down"),
     N_("Usage: kairan reject ID --reason TEXT\n"
        "\n"
        "The submitter sees the reason in kairan mine. Nobody gets the draft.\n"
        "\n"
        "Example: kairan reject 3f9a --reason \"names the victim\"\n")},
    {"mine", kr_run_mine, N_("what became of what I submitted"),
     N_("Usage: kairan mine [ls]\n"
        "       kairan mine show|withdraw ID\n"
        "       kairan mine consent ID [-y]\n"
        "\n"
        "Lists what you submitted: what waits for approval, was approved, rejected and why, came back, or was sent at once; and\n"
        "whether the record still stands.\n"
        "\n"
        "  consent    to what an approver changed, or to whom it reaches now; it then waits for approval again\n"
        "  withdraw   what is not decided yet\n"
        "\n"
        "Exit status: 0 there is something, 1 nothing, 2 failure.\n"
        "\n"
        "Example: kairan mine consent 3f9a\n")},
    {"roster", kr_run_roster, N_("take over a list of persons, from a day on"), kr_help_roster},
    {"consent", kr_run_consent, N_("what may be sent without waiting for an approver"), kr_help_consent},
    {"duty", kr_run_duty, N_("who is on duty, and when"), kr_help_duty},
    {"handover", kr_run_handover, N_("what whoever takes over has to know"),
     N_("Usage: kairan handover\n"
        "\n"
        "Prints a paper for whoever takes over: keys and where they lie (with room for what no program knows), admins, approvers\n"
        "and intake, what ends soon, what waits, which councils are silent.\n"
        "\n"
        "Example: kairan handover > handover.txt\n")},
    {"audit", kr_run_audit, N_("who did what in this council"),
     N_("Usage: kairan audit [ls] [--since WHEN] [--person PERSON]\n"
        "       kairan audit verify [--anchor NUMBER:HASH]\n"
        "\n"
        "Lists what persons and operators of this council did and were refused, oldest first. The log begins with the first\n"
        "person who is entered, never leaves the node, and is kept for the years that the configuration says ([audit]\n"
        "keep_years, default 5). Entries follow one another by hash: verify says whether one was changed or is missing.\n"
        "Who submitted something is shown to the role intake; to others as in kairan drafts.\n"
        "\n"
        "  --since WHEN      2026-11-01, or a span back: 7d\n"
        "  --person PERSON   of one person: a name or the beginning of an id\n"
        "  --anchor N:HASH   what an earlier verify printed and you wrote down elsewhere: with it even whoever has the\n"
        "                    node's keys cannot have changed what was before\n"
        "\n"
        "Exit status: 0 there are entries (verify: all is well), 1 none (verify: something is not), 2 failure.\n"
        "\n"
        "Example: kairan audit --since 7d --json\n")},
    {"key", kr_run_key, N_("your own key, your body's key, and whom you can seal something to"), kr_help_key},
    {"whoami", kr_run_whoami, N_("who you are to this node"),
     N_("Usage: kairan whoami\n"
        "\n"
        "Says which person of the council you are to the node on this machine, and what you may do.\n"
        "\n"
        "Example: kairan whoami --json\n")},
    {"quarantine", kr_run_quarantine, N_("what waits for its author to be trusted"),
     N_("Usage: kairan quarantine\n"
        "\n"
        "Lists, author by author, records of councils that no community of yours has vouched for enough. They are shown to\n"
        "nobody, found by no look-up, in no export, and passed on to nobody; they enter by themselves when the vouches come, or\n"
        "expire. With --json a line a record.\n"
        "\n"
        "Exit status: 0 there are some, 1 none.\n"
        "\n"
        "Example: kairan quarantine\n")},
    {"doctor", kr_run_doctor, N_("look for what is wrong, and say how to mend it"),
     N_("Usage: kairan doctor\n"
        "\n"
        "Looks at files, keys, disk, network process, peers, clock, card and what waits for you, and says of each finding how to\n"
        "mend it. It changes nothing.\n"
        "\n"
        "Exit status: 0 all is well, 1 there are warnings or problems, 2 it could not look.\n"
        "\n"
        "Example: kairan doctor --json\n")},
    {"verify", kr_run_verify, N_("check every stored value"),
     N_("Usage: kairan verify\n"
        "\n"
        "Reads the whole store and checks every value. The node goes on working meanwhile.\n"
        "\n"
        "Exit status: 0 all is well, 1 damage was found, 2 failure.\n"
        "\n"
        "Example: kairan verify\n")},
};
const size_t kr_command_count = sizeof kr_commands / sizeof kr_commands[0];

static void print_usage(FILE *out)
{
    (void)fputs(_(usage), out);
    (void)fputs(_("Commands:\n"), out);
    for (size_t i = 0; i < kr_command_count; i++) {
        (void)fprintf(out, "  %-11s %s\n", kr_commands[i].name, _(kr_commands[i].summary));
    }
    (void)fputs(_(usage_end), out);
}

static const struct kr_command *find_command(const char *name)
{
    for (size_t i = 0; i < kr_command_count; i++) {
        if (strcmp(kr_commands[i].name, name) == 0) {
            return &kr_commands[i];
        }
    }
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* Help and mistakes before the command's own options are in the right language, too. */
static const char *named_language(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--lang=", 7) == 0) {
            return argv[i] + 7;
        }
        if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc) {
            return argv[i + 1];
        }
    }
    return NULL;
}

static int finish(int status)
{
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? status : KR_EXIT_ERROR;
}

int main(int argc, char **argv)
{
    static struct kr_app app; /* some paths: not on the stack */
    int rest;
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (!kr_tr_init(named_language(argc, argv))) {
        (void)kr_tr_init("en");
        return kr_app_fail(&app, KR_INVALID, _("--lang takes ja or en"));
    }
    if (!kr_options_parse(&app, argc, argv, NULL, 0, true, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (app.wants_version) {
        (void)puts("kairan " KR_VERSION_TEXT);
        return finish(KR_EXIT_DONE);
    }
    if (app.wants_help || rest == argc) {
        print_usage(app.wants_help ? stdout : stderr);
        return finish(app.wants_help ? KR_EXIT_DONE : KR_EXIT_ERROR);
    }
    app.command = find_command(argv[rest]);
    if (app.command == NULL) {
        return kr_app_fail(&app, KR_INVALID, _("there is no command \"%s\"; see kairan --help"), argv[rest]);
    }
    if (wants_help(argc - rest, argv + rest)) {
        (void)fputs(_(app.command->help), stdout);
        return finish(KR_EXIT_DONE);
    }
    int status = app.command->run(&app, argc - rest, argv + rest);
    kr_conn_free(app.conn);
    kr_secret_free(app.enrolled);
    kr_secret_free(app.own_keys);
    return finish(status);
}
