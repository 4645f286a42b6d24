// SPDX-License-Identifier: GPL-3.0-or-later
// Several stacks that acquire at one line of code: each has a name of its own.
#include "core/compare/compare.h"
#include "tests/compare/tape.h"

#include <QTemporaryDir>
#include <QTest>

#include <map>
#include <set>

using namespace poolscope;
using namespace poolscope::compare;
using namespace poolscope::test;

class TestCompareStacks : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void eachHasItsName();
    void hostileOnesToo();

private:
    Comparison ofStacks(const std::vector<StackRef>& stacks);

    QTemporaryDir dir_;
    int files_ = 0;
};

namespace {

StackLine line(const std::string& function, const std::string& file, int number)
{
    return {Text{function}, Text{file}, number, true};
}

/// From the pool's own line through load() outwards.
StackRef via(std::vector<StackLine> outer, int inner = 7)
{
    outer.insert(outer.begin(), {{Text{"acquire"}, Text{"/lib/pool.cpp"}, inner, false},
                                 line("load", "/srv/load.cpp", 88)});
    return make_stack(std::move(outer));
}

/// By stack, as the window and the JSON call it.
std::map<std::uint64_t, std::string> namesIn(const Comparison& comparison)
{
    std::map<std::uint64_t, std::string> names;
    for (const Change& change : comparison.changes) {
        if (change.subject == Subject::place && what_of(change).find("browse") == std::string::npos)
            names[change.stack->fingerprint] = what_of(change);
    }
    return names;
}

} // namespace

Comparison TestCompareStacks::ofStacks(const std::vector<StackRef>& stacks)
{
    const std::string file =
        dir_.filePath(QStringLiteral("%1.poolrec").arg(++files_)).toStdString();
    Tape tape{file};
    tape.play({.seconds = 10});
    tape.pass(500ms);
    PoolSample sample;
    std::uint64_t count = 100; // what is held longest comes first
    for (const StackRef& stack : stacks) {
        --count;
        sample.brief.push_back({Text{"shop"}, stack, count, 10ms * count, 10ms});
    }
    tape.tell(Tape::process, sample);
    tape.play({.seconds = 5});
    tape.close();
    auto reader = RecordingReader::open(file);
    if (!reader)
        qFatal("%s", reader.error().sentence.c_str());
    const auto side = side_of(*reader.value(), {"a.poolrec", {}, {}});
    if (!side)
        qFatal("%s", side.error().sentence.c_str());
    return compare::compare(side.value(), side.value());
}

void TestCompareStacks::eachHasItsName()
{
    const StackLine web = line("handle", "/srv/web.py", 7);
    const std::vector<std::pair<StackRef, std::string>> stacks{
        {via({line("tick", "/srv/job.py", 3)}), "job.py:3, tick (job.py:3)"},
        {via({line("tock", "/srv/job.py", 3)}), "job.py:3, tock (job.py:3)"},
        {via({web, line("main", "/srv/main.py", 1)}), "web.py:7, main.py:1"},
        {via({web, line("main", "/srv/cron.py", 2)}), "web.py:7, cron.py:2"},
        {via({web}), "web.py:7"},
        {via({}), ""},
        {via({line("run", "/a/task.py", 4)}), "task.py:4, /a/task.py:4"},
        {via({line("run", "/b/task.py", 4)}), "task.py:4, /b/task.py:4"},
        // Nothing of the application's own tells these two apart.
        {via({line("poll", "/srv/feed.py", 5)}, 8), "stack 9, feed.py:5"},
        {via({line("poll", "/srv/feed.py", 5)}, 9), "stack 10, feed.py:5"},
    };
    std::vector<StackRef> all;
    for (const auto& [stack, way] : stacks)
        all.push_back(stack);
    const Comparison comparison = ofStacks(all);
    const auto names = namesIn(comparison);
    QCOMPARE(names.size(), stacks.size());
    for (const auto& [stack, way] : stacks)
        QCOMPARE(names.at(stack->fingerprint),
                 "load (load.cpp:88)" + (way.empty() ? way : " by way of " + way));
    // Two need one line.
    const auto two = namesIn(ofStacks({all[0], all[2]}));
    QCOMPARE(two.at(all[0]->fingerprint), std::string("load (load.cpp:88) by way of job.py:3"));
    QCOMPARE(two.at(all[2]->fingerprint), std::string("load (load.cpp:88) by way of web.py:7"));
    // And one none.
    QCOMPARE(namesIn(ofStacks({all[0]})).at(all[0]->fingerprint),
             std::string("load (load.cpp:88)"));
}

void TestCompareStacks::hostileOnesToo()
{
    const std::string longest(3000, 'x');
    std::vector<StackRef> stacks;
    for (int i = 0; i < 6; ++i) {
        std::vector<StackLine> outer;
        for (int depth = 0; depth < 40; ++depth)
            outer.push_back(line(longest + "\n\x1b[31m", longest + "/" + longest,
                                 depth < 10    ? i / 3
                                 : depth == 39 ? i
                                               : 1));
        stacks.push_back(via(std::move(outer)));
    }
    const auto names = namesIn(ofStacks(stacks));
    QCOMPARE(names.size(), stacks.size());
    std::set<std::string> different;
    for (const auto& [stack, name] : names) {
        different.insert(name);
        QVERIFY(name.size() < 1000);
        QVERIFY(name.find_first_of("\x1b\n") == std::string::npos);
    }
    QCOMPARE(different.size(), names.size());
}

QTEST_GUILESS_MAIN(TestCompareStacks)
#include "tst_comparestacks.moc"
