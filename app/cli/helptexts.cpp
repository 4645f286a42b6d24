// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/helptexts.h"

#include <array>

namespace poolscope {

const char* const overviewText =
    R"(Poolscope: who holds my database connections, since when, from which line of code, and who waits
behind whom.

Usage
  poolscope [TARGET|FILE...]                        the window
  poolscope watch TARGET|FILE...                    a text screen; JSON lines with --json
  poolscope record TARGET... -o FILE                record without a window
  poolscope sessions|pools|checkouts|leaks|blocking|states|alerts|diagnose TARGET|FILE...
  poolscope check TARGET|FILE...                    what is wrong with how pools are set up
  poolscope report FILE... -o OUT.html|OUT.pdf      an incident report of a recording
  poolscope compare FILE [FILE]                     what changed between two ranges or recordings
  poolscope info FILE...                            what a recording holds
  poolscope cancel|terminate TARGET PID --started TIME
  poolscope reclaim TARGET CHECKOUT                 take a connection back into its pool
  poolscope VERB --help                             all about one verb

A TARGET is a database server, as libpq takes it: postgresql://user@host/database,
"host=... dbname=...", service=NAME; mysql://user@host:3306, MySQL's or MariaDB's; or
PgBouncer's console: pgbouncer://user@host:6432; or an instrumented process: pool://host:port,
pool+unix:///path/to/socket; or a page of metrics: prometheus+http://host:9100/metrics,
expvar+http://host:8080/debug/vars; or a server that knows those of a whole fleet (Prometheus,
Thanos, Mimir, VictoriaMetrics), told by its path: prometheus+http://host:9090/api/v1, a part of it
with '?match={job="shop"}' behind that; or demo:, an application of Poolscope's own that leaks.
Passwords come from ~/.my.cnf, ~/.pgpass, PGPASSFILE, PGPASSWORD or a service file, a token from
POOLSCOPE_TOKEN or POOLSCOPE_METRICS_TOKEN, else you are asked.
A FILE is a recording (*.poolrec). Every verb that reads takes either;
--leak-after, --critical-after and --rules ask of a FILE what would have been found with them.

Options of the window
  --page NAME             begin at: overview, pools, leaks, sessions, blocking, stacks, alerts,
                          configuration, actions
  --theme light|dark      instead of the desktop's
  --screenshot OUT.png    draw the window to a picture and exit
  --at TIME               the instant of a recording to begin at
  --size 1440x900         of the window or the picture
  --redact                replace literals in statements before they are recorded

Common options
  --ssh HOST              reach the database through HOST, by your own ssh
  --interval 1s           between polls
  --leak-after 30s        when holding a connection or a transaction becomes suspicious
  --critical-after 300s   when it becomes critical
  --read-only             no command leaves Poolscope
  -h, --help   --version

Durations are 500ms, 30s, 10m, 2h. Times are ISO 8601 (UTC unless they say otherwise) or, on a
recording's day, 14:31:58.

Exit status: 0 done, 2 usage, 3 a target not reachable (the others are still printed), 4 refused by
the server, the pool or read-only mode or because it is no longer the same, 5 file not readable,
6 findings (check --exit-code), 141 nobody read all that was printed, as before "| head".

Examples
  poolscope postgresql://dba@db1.example/postgres
  poolscope watch service=shop
  poolscope leaks service=shop --json | jq -r '.[] | [.severity, .server_pid, .group] | @tsv'
  poolscope leaks pool+unix:///run/poolscope/4711-shop.sock
  poolscope record service=shop pool://127.0.0.1:7070 -o incident.poolrec --for 10m
  poolscope sessions incident.poolrec --at 14:31:58
)";

namespace {

constexpr std::array allVerbs{
    VerbText{
        Verb::watch, "watch", "A text screen that renews itself; q quits. A recording is played.",
        "Examples:\n  poolscope watch service=shop service=billing\n"
        "  poolscope watch service=shop --json --for 1m > minute.jsonl\n"
        "  poolscope watch incident.poolrec --at 14:31:00\n\n"
        "Without a terminal the screens are printed one after the other; with --json each is one\n"
        "object on one line: time, targets, states, pools, leaks, blocking, sessions. One comes "
        "each\n"
        "--interval, and one at once when somebody comes to be suspected.\n\n"
        "--on-alert COMMAND runs a command of yours when alerts of live targets begin to fire or\n"
        "are over: see record --help.\n"},
    VerbText{
        Verb::record, "record", "Record targets to a file, unattended. Ctrl+C ends it properly.",
        "Examples:\n  poolscope record service=shop -o night.poolrec\n"
        "  poolscope record service=shop -o incident.poolrec --for 10m --redact\n"
        "  poolscope record service=shop -o today.poolrec --metrics 9466\n"
        "  poolscope record prometheus+http://host:9090/api/v1 --past 2h -o before.poolrec\n\n"
        "A target that is not there yet, or goes away, is tried again. An existing file is never\n"
        "overwritten. A recording holds statements: --redact replaces literals before they are\n"
        "written.\n\n"
        "--metrics 9466 serves pools, sessions by state, suspected leaks and who is blocked as\n"
        "OpenMetrics at http://127.0.0.1:9466/metrics, for Prometheus to scrape. Whoever reaches\n"
        "that address can read it: one that other machines reach is given with --metrics "
        "HOST:9466.\n\n"
        "--on-alert \"notify.sh --team shop\" runs that when alerts begin to fire or are over, "
        "with "
        "what\n"
        "they say as JSON on its standard input and in POOLSCOPE_ALERT_SENTENCE and others like "
        "it;\n"
        "resources/alerts/README.md has all. No shell reads COMMAND, one runs at a time, and each "
        "has\n"
        "30s. Alerts of severity info, acknowledged and silenced ones run nothing.\n\n"
        "--past 2h makes a recording of what a server of metrics remembers of a fleet, up to now,\n"
        "and ends. Where the server fails five times in a row, at Ctrl+C and when --for is over "
        "it\n"
        "ends before, with what came until then and exit code 3. A recording of what is begins "
        "when\n"
        "it is begun: it holds what was observed, in the order in which that was observed.\n"},
    VerbText{Verb::sessions, "sessions",
             "Every session: who, since when, in what state, waiting for whom.",
             "Examples:\n  poolscope sessions service=shop\n"
             "  poolscope sessions service=shop --json | jq '.[] | select(.blocks > 0)'\n"
             "  poolscope sessions incident.poolrec --at 14:31:58\n\n"
             "blocked_by is what the server names: also whoever merely stands ahead in the same "
             "queue.\n"
             "blocks counts, directly or not, who would have to wait for that session even at the "
             "head\n"
             "of the queue: one that only stands ahead of others blocks none of them.\n"},
    VerbText{Verb::pools, "pools",
             "Every connection pool of a process: used, idle, waiting, limits, times.",
             "Examples:\n  poolscope pools demo:\n"
             "  poolscope pools pool://127.0.0.1:7070 --json | jq '.[] | select(.pending > 0)'\n"
             "  poolscope pools incident.poolrec --at 14:31:58\n\n"
             "What a pool does not tell is -, in JSON null: never a zero. Wait and use times are\n"
             "percentiles since the pool was made. Where its server is attached too, connections\n"
             "that the pool lists and the server has ended, or lost the way to, are told: in JSON\n"
             "lost_connections, each with connection, server_pid, since and lent.\n"},
    VerbText{
        Verb::checkouts, "checkouts",
        "Every connection that is checked out: since when, by whom, acquired at which line.",
        "Examples:\n  poolscope checkouts demo:\n"
        "  poolscope checkouts pool://127.0.0.1:7070 --json | jq '.[] | [.checkout, .age_us]'\n"
        "  poolscope checkouts incident.poolrec --at 14:31:58\n"},
    VerbText{
        Verb::leaks, "leaks",
        "Checkouts held too long, and sessions that hold a transaction open without working.",
        "Examples:\n  poolscope leaks service=shop --leak-after 10s\n"
        "  poolscope leaks demo: --leak-after 5s --for 20s\n"
        "  poolscope leaks pool://127.0.0.1:7070 --json | jq -r '.[] | [.age_us, .group] | @tsv'\n"
        "  poolscope leaks incident.poolrec --json\n\n"
        "Without --leak-after a pool that has a leak threshold of its own is judged by that. For "
        "one\n"
        "pool, give it by name: --leak-after orders=10s --critical-after orders=1m. Statements "
        "that\n"
        "are prepared and never closed show by growing: give --for 30s or more. On a\n"
        "recording, --leak-after and --critical-after ask what would have been found with other\n"
        "thresholds.\n"},
    VerbText{Verb::blocking, "blocking", "Who waits behind whom, as trees.",
             "Examples:\n  poolscope blocking service=shop\n"
             "  poolscope blocking incident.poolrec --at 14:31:58 --json\n"},
    VerbText{Verb::states, "states", "How many sessions in each state, against max_connections.",
             "Examples:\n  poolscope states service=shop service=billing\n"},
    VerbText{
        Verb::check, "check",
        "What is wrong with how pools and servers are set up, and what to set instead.",
        "Examples:\n  poolscope check service=shop pool://127.0.0.1:7070 --for 5m\n"
        "  poolscope check incident.poolrec --json | jq '.[] | [.severity, .pool, .setting]'\n"
        "  poolscope check application.properties --exit-code\n"
        "  poolscope check service=shop application.yml pgbouncer.ini --firewall-timeout 350s\n\n"
        "Settings have the names that the pool gives them. Besides targets and recordings it "
        "reads\n"
        "configuration files: .properties of HikariCP and Commons DBCP 2, Spring Boot's\n"
        "application.properties and .yml, pgbouncer.ini, and JSON: what pools --json prints, or a\n"
        "pool's settings in Poolscope's own names. Given with a server they are held against its\n"
        "limits. What is not told is not judged, and said to be so. Sizes are judged by the load "
        "of "
        "a\n"
        "recording's last hour, or of a live target while --for lasts, from a minute on.\n"
        "With --exit-code the exit status is 6 where a finding is critical or a warning; those of\n"
        "severity info are advice.\n"},
    VerbText{
        Verb::alerts, "alerts",
        "Which alert rules hold: pending, firing, or resolved within the last minute.",
        "Examples:\n  poolscope alerts service=shop pool://127.0.0.1:7070 --for 1m\n"
        "  poolscope alerts incident.poolrec --at 14:31:58 --json\n\n"
        "A live target is watched for 10s, or for as long as --for says: a rule may ask that its\n"
        "condition holds for longer. An onset is known for three minutes; then it says "
        "\"over\".\n"},
    VerbText{
        Verb::diagnose, "diagnose",
        "Why a pool or server is exhausted: the cause, its evidence, what helps now.",
        "Examples:\n"
        "  poolscope diagnose pool+unix:///run/poolscope/4711-shop.sock service=shop\n"
        "  poolscope diagnose incident.poolrec --at 14:31:58 --json\n\n"
        "Attach to the application's pool and to its server: more of them tell more causes apart.\n"
        "Where it cannot be told, the cause is \"undecided\", with the candidates. A live target\n"
        "is watched for 10s, or for as long as --for says. A load that grew, or statements that\n"
        "became slower, show against the minutes before, as a recording has them.\n"},
    VerbText{
        Verb::report, "report",
        "An incident report of a recording, as one HTML or PDF file: what, when, why, who held "
        "what.",
        "Examples:\n  poolscope report incident.poolrec -o incident.html\n"
        "  poolscope report night.poolrec -o incident.html --from 14:20 --to 14:50 --utc\n"
        "  poolscope report incident.poolrec -o for-strangers.pdf --redact\n\n"
        "Summary, timeline, charts, suspected leaks with their stacks, who waited behind whom,\n"
        "actions, configuration and notes. Leaks and who waits are shown as they were at one\n"
        "moment: --at, else when the finding was strongest, else at the end. The file holds no\n"
        "script and asks for nothing from elsewhere. A name that ends in .pdf makes it a PDF, for\n"
        "which no display is needed. An existing file is not overwritten. Of several recordings\n"
        "each has a report of its own in it.\n\n"
        "A report holds statements. With --redact literals, hosts, names of users, values of tags\n"
        "and notes are replaced, hosts and users by names that are the same everywhere in it.\n"},
    VerbText{
        Verb::compare, "compare",
        "What changed between two recordings, or two ranges: rates, times, holders, sessions.",
        "Examples:\n  poolscope compare yesterday.poolrec today.poolrec\n"
        "  poolscope compare night.poolrec --to 14:25 --and-from 14:30\n"
        "  poolscope compare a.poolrec b.poolrec --from 14:20 --to 14:30 --and-from 09:20 "
        "--and-to 09:25\n"
        "  poolscope compare a.poolrec b.poolrec --json | jq '.[] | select(.notable)'\n\n"
        "--from and --to choose a range of the first recording, --and-from and --and-to of the\n"
        "second. With one recording both are of that: what is not said begins or ends where the\n"
        "other range does, so that --to 14:25 alone compares what was before with what came "
        "after.\n\n"
        "Figures are of the time that was observed: ranges may be of different lengths, and gaps "
        "do\n"
        "not count. A line of code that \"holds 3.2\" keeps that many connections busy on "
        "average, that\n"
        "is 3.2 connection-seconds a second; sessions \"waiting for a lock\" likewise. Targets "
        "are matched\n"
        "by kind and name, or by the program that an agent names; lines of code by their stacks, "
        "also\n"
        "where only line numbers moved. What is on one side alone is said.\n\n"
        "A difference is called a change from a fifth on, where it is more than chance explains: "
        "both\n"
        "ranges last 20 s or more, a mean is of 20 or more, a rate differs by three standard\n"
        "deviations (timeouts by two), and a longest or a peak was not just looked for much "
        "longer.\n"
        "Else it is \"about the same\" or \"too little data\".\n\n"
        "JSON is an array of figures, the changes that matter most first: kind, target, "
        "and_target,\n"
        "pool, subject, by_user, state, measure, before, after, verdict (same, little, more, less, "
        "appeared,\n"
        "gone, too_little, only_before, only_after), notable, sentence, before_observed_us,\n"
        "after_observed_us, stack. Exit status 0 whether or not something changed.\n"},
    VerbText{Verb::info, "info",
             "What a recording holds: from when to when, of which targets, complete or not.",
             "Examples:\n  poolscope info incident.poolrec --json\n"},
    VerbText{
        Verb::cancel, "cancel", "Cancel the statement that a session runs; the session lives on.",
        "Examples:\n  poolscope cancel service=shop 4711 --started 2026-11-21T14:28:40.412000Z\n"
        "  poolscope cancel service=shop --identity pg-4711-1795271320412000\n\n"
        "PID and start time are compared on the server in the same statement as the signal: a pid\n"
        "that was given to another session in the meantime is not touched. Both stand in the "
        "output\n"
        "of sessions. MySQL and MariaDB tell no start: there it is --identity, which holds the\n"
        "server's start, and user, host and database are compared.\n"},
    VerbText{
        Verb::terminate, "terminate", "End a session; its open transaction is rolled back.",
        "Examples:\n  poolscope terminate service=shop 4711 --started 2026-11-21T14:28:40.412000Z\n"
        "  poolscope terminate service=shop --identity pg-4711-1795271320412000\n\n"
        "PID and start time are compared on the server in the same statement as the signal: a pid\n"
        "that was given to another session in the meantime is not touched. Both stand in the "
        "output\n"
        "of sessions. MySQL and MariaDB tell no start: there it is --identity, which holds the\n"
        "server's start, and user, host and database are compared.\n"},
    VerbText{
        Verb::reclaim, "reclaim", "Take a checked-out connection back from its holder.",
        "Examples:\n  poolscope reclaim pool://127.0.0.1:7070 4711\n\n"
        "CHECKOUT is the checkout's id, as checkouts and leaks print it; an id is never given "
        "twice\n"
        "while the process lives. The pool closes the connection or takes it back, whatever its\n"
        "holder does with it; the holder fails at its next statement. Refused (exit status 4) "
        "unless\n"
        "the process allowed it when it started its agent.\n"},
};

} // namespace

std::span<const VerbText> verbTexts()
{
    return allVerbs;
}

} // namespace poolscope
