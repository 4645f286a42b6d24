// SPDX-License-Identifier: GPL-3.0-or-later
// Two targets may be on one server: each knows Poolscope's session of its own alone, and shows the
// other's as anybody's. It is not hit there either.
#include "tests/capture/workspacefixture.h"

#include <map>

using namespace poolscope;

class TestOwnSessions : public QObject
{
    Q_OBJECT
private slots:
    void orders_data();
    void orders();
};

void TestOwnSessions::orders_data()
{
    QTest::addColumn<QByteArray>("kind");
    QTest::addColumn<int>("apart"); // ms between the starts that the two targets tell
    QTest::addColumn<QByteArray>("user");
    QTest::addColumn<bool>("ours");
    QTest::newRow("one start") << QByteArray("postgresql") << 0 << QByteArray("dba") << true;
    QTest::newRow("the pid of an earlier one")
        << QByteArray("postgresql") << 1 << QByteArray("dba") << false;
    // A server's start is told to the second, from its uptime.
    QTest::newRow("one server") << QByteArray("mysql") << 1000 << QByteArray("dba") << true;
    QTest::newRow("a server started before")
        << QByteArray("mysql") << 5000 << QByteArray("dba") << false;
    QTest::newRow("servers started together")
        << QByteArray("mysql") << 0 << QByteArray("shop") << false;
}

void TestOwnSessions::orders()
{
    QFETCH(QByteArray, kind);
    QFETCH(int, apart);
    QFETCH(QByteArray, user);
    QFETCH(bool, ours);
    QTemporaryDir folder;
    Workspace::Options options;
    options.temporaryFolder = folder.path();
    std::map<TargetId, FakeSource*> sources; // filled before the two are up
    options.sourceFactory = [&](TargetId id, const AttachRequest&) {
        auto made = std::make_unique<FakeSource>(id, kind.constData());
        sources[id] = made.get();
        return Result<std::unique_ptr<Source>>{std::move(made)};
    };
    Workspace workspace(options);
    UpdatePtr last = workspace.latest();
    connect(&workspace, &Workspace::updated, this, [&](const UpdatePtr& update) { last = update; });
    const TargetId here = workspace.attach(AttachRequest{});
    const TargetId there = workspace.attach(AttachRequest{});
    QTRY_COMPARE(last->targets.size(), size_t{2});

    Session own = session(7, SessionState::other, start);
    own.key.target = here;
    own.user = Text{"dba"};
    own.client = Text{"10.0.0.7:40000"};
    Session seen = own;
    own.own = true;
    seen.key.target = there;
    seen.key.started += std::chrono::milliseconds{apart};
    seen.user = Text{user.toStdString()};
    for (const auto& [target, shown] : {std::pair{here, own}, std::pair{there, seen}}) {
        ServerSample sample;
        sample.full = true;
        sample.changed = {shown};
        FakeSource* const source = sources.at(target);
        QMetaObject::invokeMethod(source, [source, sample] { source->report(sample); });
    }
    QTRY_VERIFY(std::all_of(last->targets.begin(), last->targets.end(),
                            [](const TargetSummary& target) { return target.last_sample; }));
    SessionRow row;
    row.session = seen;
    workspace.execute(ActionVerb::terminate, {row});
    const ActionPhase phase = ours ? ActionPhase::refused : ActionPhase::accepted;
    QTRY_VERIFY(last->actions->size() == 1 && last->actions->front().phase == phase);
    QCOMPARE(last->actions->front().outcome.find("session of this Poolscope") != std::string::npos,
             ours);
}

QTEST_GUILESS_MAIN(TestOwnSessions)
#include "tst_ownsessions.moc"
