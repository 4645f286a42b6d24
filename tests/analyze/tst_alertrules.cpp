// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

std::string rule(const std::string& lines)
{
    return "[[rule]]\nname = \"r\"\nmeasure = \"pending\"\n" + lines;
}

} // namespace

class TestAlertRules : public QObject
{
    Q_OBJECT
private slots:
    void builtIn();
    void everySetting();
    void wrong_data();
    void wrong();
    void oneWrongRuleCostsNoOther();
    void tooLong();
    void tooMany();
    void hostile();
    void keysWithoutEnd();
    void problemsAreBounded();
    void builtInWhereNoneIsRight();
    void patterns_data();
    void patterns();
    void measuresHaveNames();
};

void TestAlertRules::builtIn()
{
    const AlertRules& rules = default_alert_rules();
    for (const RuleProblem& problem : rules.problems)
        qWarning("%s", problem.text().c_str());
    QVERIFY(rules.problems.empty());
    QVERIFY(rules.rules.size() > 10);
    const auto named = [&](const char* name) {
        return std::find_if(rules.rules.begin(), rules.rules.end(),
                            [&](const AlertRule& each) { return each.name == name; });
    };
    const auto busy = named("pool busy");
    QVERIFY(busy != rules.rules.end());
    QCOMPARE(busy->threshold, 0.8);
    QCOMPARE(busy->sustain, Duration{60s});
    QVERIFY(busy->enabled);
    QVERIFY(!named("pool busy for minutes")->enabled);
    QVERIFY(named("no idle connection")->at_most);
    QCOMPARE(named("long waits")->threshold, 1.0);
    QCOMPARE(named("long waits")->clear, 0.5);
}

void TestAlertRules::everySetting()
{
    const AlertRules read = parse_alert_rules("# a comment\n\n  [[rule]] # more\n"
                                              "name = 'few idle'\nmeasure = 'idle'\n"
                                              "at_most = 2\nclear_above = 5\nfor = '5m'\n"
                                              "clear_for = '500ms'\nseverity = 'info'\n"
                                              "target = 'db*'\npool = '*orders'\nenabled = false\n",
                                              "a.toml");
    QVERIFY(read.problems.empty());
    QCOMPARE(read.rules.size(), std::size_t{1});
    AlertRule expected;
    expected.name = "few idle";
    expected.measure = AlertMeasure::idle;
    expected.severity = AlertSeverity::info;
    expected.at_most = true;
    expected.threshold = 2;
    expected.clear = 5;
    expected.sustain = 5min;
    expected.clear_after = 500ms;
    expected.target = "db*";
    expected.pool = "*orders";
    expected.enabled = false;
    QVERIFY(read.rules.front() == expected);
}

void TestAlertRules::wrong_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("line");
    QTest::addColumn<QByteArray>("words");
    const auto row = [](const char* what, const std::string& text, int line, const char* words) {
        QTest::newRow(what) << QByteArray::fromStdString(text) << line << QByteArray(words);
    };
    row("no name", "[[rule]]\nmeasure = 'idle'\nat_most = 0\n", 1, "needs a name");
    row("no measure", "[[rule]]\nname = 'x'\nat_most = 0\n", 1, "one of used_ratio, pending");
    row("unknown measure", "[[rule]]\nname = 'x'\nmeasure = 'used'\nat_most = 0\n", 3, "one of");
    row("no threshold", rule(""), 1, "either \"at_least\" or \"at_most\"");
    row("two thresholds", rule("at_least = 1\nat_most = 2\n"), 1, "either");
    row("negative", rule("at_least = -1\n"), 4, "a number from 0");
    row("not a number", rule("at_least = nan\n"), 4, "a number from 0");
    row("a word", rule("at_least = 'many'\n"), 4, "a number from 0");
    row("clears where it fires", rule("at_least = 5\nclear_below = 6\n"), 5,
        "clear where it fires");
    row("wrong side", rule("at_least = 5\nclear_above = 6\n"), 5, "clear_below");
    row("too patient", rule("at_least = 5\nfor = '6m'\n"), 5, "at most 5 min");
    row("clears too late", rule("at_least = 5\nclear_for = '3m'\n"), 5, "at most 2 min");
    row("for as a number", rule("at_least = 5\nfor = 10\n"), 5, "such as \"10s\"");
    row("severity", rule("at_least = 5\nseverity = 'fatal'\n"), 5, "info, warning or critical");
    row("enabled", rule("at_least = 5\nenabled = 'no'\n"), 5, "true or false");
    row("a command", rule("at_least = 5\ncommand = 'sh'\n"), 5, "knows no \"command\"");
    row("unknown key", rule("at_least = 5\nfoo = 1\n"), 5, "knows no \"foo\"");
    row("a leak with a duration",
        "[[rule]]\nname = 'x'\nmeasure = 'leaks'\nat_least = 1\nfor = '5s'\n", 5, "of their own");
    row("syntax", rule("at_least = = 5\n"), 4, "");
    row("before the first", "version = 1\n" + rule("at_least = 1\n"), 1, "comments alone");
    row("the same name", rule("at_least = 1\n") + rule("at_least = 2\n"), 5, "already");
    row("a table inside", rule("at_least = 1\n[other]\nx = 1\n"), 1, "one [[rule]]");
}

void TestAlertRules::wrong()
{
    QFETCH(const QByteArray, text);
    QFETCH(const int, line);
    QFETCH(const QByteArray, words);
    const AlertRules read = parse_alert_rules(text.toStdString(), "my.toml");
    QCOMPARE(read.problems.size(), std::size_t{1});
    const std::string said = read.problems.front().text();
    QVERIFY2(said.starts_with("my.toml:" + std::to_string(line) + ": "), said.c_str());
    QVERIFY2(said.find(words.toStdString()) != std::string::npos, said.c_str());
}

void TestAlertRules::oneWrongRuleCostsNoOther()
{
    const AlertRules read =
        parse_alert_rules("[[rule]]\nname = 'a'\nmeasure = 'pending'\nat_least = 1\n"
                          "[[rule]]\nname = 'b\nmeasure = ???\n"
                          "[[rule]]\nname = 'c'\nmeasure = 'pending'\nat_least = -1\n"
                          "[[rule]]\nname = 'd'\nmeasure = 'idle'\nat_most = 0\n",
                          "my.toml");
    QCOMPARE(read.rules.size(), std::size_t{2});
    QCOMPARE(read.rules.front().name, std::string("a"));
    QCOMPARE(read.rules.back().name, std::string("d"));
    QCOMPARE(read.problems.size(), std::size_t{2});
    QCOMPARE(read.problems.front().line, 6);
    QCOMPARE(read.problems.back().line, 11);
}

void TestAlertRules::tooLong()
{
    const AlertRules read = parse_alert_rules(std::string(longest_rules + 1, '#'), "my.toml");
    QVERIFY(read.rules.empty());
    QCOMPARE(read.problems.size(), std::size_t{1});
}

void TestAlertRules::tooMany()
{
    std::string text;
    for (std::size_t i = 0; i < most_rules + 5; ++i)
        text += "[[rule]]\nname = 'r" + std::to_string(i) + "'\nmeasure = 'idle'\nat_most = 0\n";
    const AlertRules read = parse_alert_rules(text, "my.toml");
    QCOMPARE(read.rules.size(), most_rules);
    QCOMPARE(read.problems.size(), std::size_t{1});
}

void TestAlertRules::hostile()
{
    // Bytes that are no text, nested without end, names with control characters: told, not died of.
    std::string deep = "[[rule]]\nname = ";
    deep.append(20'000, '[');
    QVERIFY(!parse_alert_rules(deep, "my.toml").problems.empty());
    QVERIFY(!parse_alert_rules("[[rule]]\nname = '\xff\xfe'\n", "my.toml").problems.empty());
    const AlertRules read = parse_alert_rules(
        "[[rule]]\nname = \"a\\u001b[31m\\u202e\"\nmeasure = 'idle'\nat_most = 0\n", "my.toml");
    QCOMPARE(read.rules.size(), std::size_t{1});
    QVERIFY(read.rules.front().name.find('\x1b') == std::string::npos);
    QVERIFY(parse_alert_rules("", "my.toml") == AlertRules{});
    QVERIFY(parse_alert_rules("\n", "my.toml") == AlertRules{});
}

void TestAlertRules::keysWithoutEnd()
{
    // A table for each dot, each in the other: they would end one another until the stack is used
    // up.
    std::string dots;
    for (int i = 0; i < 120'000; ++i)
        dots += "a.";
    const AlertRules one =
        parse_alert_rules(rule("at_least = 1\n") + "[[rule]]\n" + dots + "a=1", "my.toml");
    QCOMPARE(one.rules.size(), std::size_t{1});
    QCOMPARE(one.problems.size(), std::size_t{1});
    QCOMPARE(one.problems.front().text(),
             std::string("my.toml:6: A line is over 1024 bytes long."));
    // No line is long, and yet.
    std::string text = "[[rule]]\n";
    for (int i = 0; i < 120; ++i)
        text += dots.substr(0, 1000) + "a = [\n{";
    text += "a = 1";
    for (int i = 0; i < 120; ++i)
        text += "}\n]";
    const AlertRules nested = parse_alert_rules(text + '\n' + rule("at_least = 1\n"), "my.toml");
    QCOMPARE(nested.rules.size(), std::size_t{1});
    QCOMPARE(nested.problems.size(), std::size_t{1});
    QCOMPARE(nested.problems.front().text(),
             std::string("my.toml:1: A rule is over 4096 bytes long."));
    // Before the first rule, too; and what is commented on at length is no matter.
    QCOMPARE(parse_alert_rules(dots + "a=1", "my.toml").problems.size(), std::size_t{1});
    const std::string comment = "# " + std::string(5000, 'x') + '\n';
    QVERIFY(parse_alert_rules(comment + rule("at_least = 1\n") + comment, "").problems.empty());
}

void TestAlertRules::problemsAreBounded()
{
    std::string text;
    for (int i = 0; i < 3000; ++i)
        text += "[[rule]]\nfoo = 1\n";
    const AlertRules read = parse_alert_rules(text + rule("at_least = 1\n"), "my.toml");
    QCOMPARE(read.problems.size(), most_rule_problems + 1);
    QCOMPARE(read.problems.back().sentence, std::string("… and more."));
    QVERIFY(read.rules.empty());
    // Up to there a right one among them counts.
    std::string some;
    for (int i = 0; i < 300; ++i)
        some += "[[rule]]\nfoo = 1\n";
    QCOMPARE(parse_alert_rules(some + rule("at_least = 1\n"), "my.toml").rules.size(),
             std::size_t{1});
}

void TestAlertRules::builtInWhereNoneIsRight()
{
    Analysis analysis;
    WorldDelta ignored;
    const auto give = [&](std::uint64_t number, const std::string& text) {
        analysis.apply({SequenceNumber{number}, timestamp_from_us(1'795'271'320'000'000),
                        TargetId{0}, AlertRulesChanged{text}},
                       ignored);
    };
    give(1, "[[rule]]\nname = 'x'\n");
    QVERIFY(analysis.alert_rules().rules == default_alert_rules().rules);
    QVERIFY(!analysis.alert_rules().problems.empty());
    give(2, rule("at_least = 1\n") + "[[rule]]\nname = 'x'\n");
    QCOMPARE(analysis.alert_rules().rules.size(), std::size_t{1});
    give(3, "# none is wanted\n");
    QVERIFY(analysis.alert_rules().rules.empty());
}

void TestAlertRules::patterns_data()
{
    QTest::addColumn<QByteArray>("pattern");
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<bool>("matches");
    QTest::newRow("all") << QByteArray("*") << QByteArray("orders") << true;
    QTest::newRow("all of nothing") << QByteArray("*") << QByteArray("") << true;
    QTest::newRow("the same") << QByteArray("Orders") << QByteArray("orders") << true;
    QTest::newRow("longer") << QByteArray("order") << QByteArray("orders") << false;
    QTest::newRow("begin") << QByteArray("ord*") << QByteArray("orders") << true;
    QTest::newRow("end") << QByteArray("*ers") << QByteArray("orders") << true;
    QTest::newRow("middle") << QByteArray("*rd*") << QByteArray("orders") << true;
    QTest::newRow("twice") << QByteArray("a*b*c") << QByteArray("a-b-b-c") << true;
    QTest::newRow("not at the end") << QByteArray("a*b") << QByteArray("a-b-c") << false;
    QTest::newRow("nothing") << QByteArray("") << QByteArray("orders") << false;
    QTest::newRow("slow") << QByteArray("a*a*a*a*a*a*a*a*a*a*b") << QByteArray(60, 'a') << false;
}

void TestAlertRules::patterns()
{
    QFETCH(const QByteArray, pattern);
    QFETCH(const QByteArray, name);
    QFETCH(const bool, matches);
    QCOMPARE(matches_pattern(pattern.toStdString(), name.toStdString()), matches);
}

void TestAlertRules::measuresHaveNames()
{
    for (int i = 0; i <= static_cast<int>(AlertMeasure::critical_leaks); ++i) {
        const auto measure = static_cast<AlertMeasure>(i);
        QVERIFY(!name_of(measure).empty());
        QVERIFY(measure_named(name_of(measure)) == measure);
    }
}

QTEST_APPLESS_MAIN(TestAlertRules)
#include "tst_alertrules.moc"
