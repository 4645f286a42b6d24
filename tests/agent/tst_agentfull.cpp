// SPDX-License-Identifier: GPL-3.0-or-later
// An application that tells more than the ring takes.
#include "tests/agent/inspector.h"
#include "tests/agent/scriptedpool.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <atomic>
#include <set>
#include <vector>

using namespace poolscope;
using namespace poolscope::test;

class TestAgentFull : public QObject
{
    Q_OBJECT
private slots:
    void lossBeforeAPictureIsNotInIt();
};

namespace {

std::string id_in(const std::string& said)
{
    const std::string_view key = "\"id\":\"";
    const std::size_t begin = said.find(key);
    return begin == std::string::npos
               ? ""
               : said.substr(begin + key.size(),
                             said.find('"', begin + key.size()) - begin - key.size());
}

/// What is open where each picture is complete and no gap follows at once, which would say that it
/// is not to be relied on.
std::vector<std::set<std::string>> trusted_pictures(const std::vector<std::string>& notes)
{
    std::vector<std::set<std::string>> pictures;
    std::set<std::string> open;
    for (std::size_t i = 0; i < notes.size(); ++i) {
        const std::string& said = notes[i];
        if (said.find(R"("k":"checkout")") != std::string::npos)
            open.insert(id_in(said));
        else if (said.find(R"("k":"checkin")") != std::string::npos)
            open.erase(id_in(said));
        else if (said.starts_with("vanished "))
            open.erase(said.substr(said.rfind(' ') + 1));
        else if (said == "ready" && i + 1 < notes.size() && !notes[i + 1].starts_with("gap "))
            pictures.push_back(open);
    }
    return pictures;
}

constexpr std::size_t brief_ones = 200;

/// On the agent's thread, just before the second inspector's picture, so that nothing is taken out
/// meanwhile: more than one round of taking out, behind it some checkouts, and more than the ring
/// holds before they come back.
void overfill(ScriptedPool& pool)
{
    pool.flood(50'000);
    std::vector<CheckoutId> brief(brief_ones);
    for (CheckoutId& id : brief)
        id = pool.lend(ConnectionId{1}, {}, "brief");
    pool.flood(100'000);
    for (const CheckoutId id : brief)
        pool.give_back(id);
}

} // namespace

/// A checkout whose checkin was dropped stands in the ring when a picture is begun; nothing is lost
/// after that. So the picture can be exact, and must not show that checkout as open.
void TestAgentFull::lossBeforeAPictureIsNotInIt()
{
    const QTemporaryDir folder;
    ScriptedPool pool("orders");
    std::atomic<int> attached{0};
    AgentOptions options = options_in(folder.path().toStdString());
    options.ring_bytes = 16U << 20U;
    options.log = [&](std::string_view said) {
        if (said.ends_with("attached.") && ++attached == 2)
            overfill(pool);
    };
    Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
    QVERIFY(started);
    const Agent& agent = *started.value();
    started.value()->add(pool);
    const CheckoutId kept = pool.lend(ConnectionId{1}, {}, "kept");
    Inspector first(agent.address());
    QTRY_VERIFY(first.hears("ready"));
    const std::uint64_t before = agent.figures().dropped;
    Inspector second(agent.address());
    bool seen = false;
    const auto sees = [&] {
        second.pump();
        return seen = seen || std::ranges::count(second.notes.said, "ready") > 0;
    };
    QTRY_VERIFY_WITH_TIMEOUT(sees(), 30'000);
    PoolEvent behind; // the picture: it shows that no gap comes first
    behind.kind = PoolEventKind::pending;
    pool.report(behind);
    QTRY_VERIFY_WITH_TIMEOUT((second.pump(), second.notes.said.back() != "ready"), 30'000);
    // Else this has tested nothing.
    QVERIFY(agent.figures().dropped >= before + brief_ones);
    const std::vector<std::set<std::string>> pictures = trusted_pictures(second.notes.said);
    QVERIFY2(!pictures.empty(), second.describe().c_str());
    for (const std::set<std::string>& open : pictures)
        QVERIFY2(open == std::set<std::string>{std::to_string(kept.value)},
                 second.describe().c_str());
    for (Inspector* const inspector : {&first, &second}) {
        const auto settled = [&] {
            first.pump();
            second.pump();
            return inspector->knows_all_of(agent) && inspector->state.open_checkouts() == 1 &&
                   inspector->state.is_open(std::to_string(kept.value));
        };
        QTRY_VERIFY2_WITH_TIMEOUT(settled(), inspector->describe().c_str(), 30'000);
    }
    started.value()->remove(pool);
}

QTEST_GUILESS_MAIN(TestAgentFull)
#include "tst_agentfull.moc"
