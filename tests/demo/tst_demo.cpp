// SPDX-License-Identifier: GPL-3.0-or-later
// The program as "demo:" starts it: a process with instrumented pools that leak by a script.
#include "tests/agent/inspector.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace poolscope;
using namespace poolscope::test;

class TestDemo : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void cleanup();

    void leaksAtTheRightLine();
    void reclaim();
    void exhaustionAndRecovery();
    void longOperationIsNoLeak();
    void endsWithItsInput();
    void endsByASignal();
    void endsWhileTheShopIsExhausted();
    void saysWhyItCannotListen();

private:
    /// Attached, with the first picture.
    bool attach();
    QString temporary() const { return folder_->filePath(QStringLiteral("temporary")); }
    std::size_t open() const { return inspector_->state.open_checkouts(); }

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<QProcess> program_;
    std::unique_ptr<Inspector> inspector_;
};

namespace {

constexpr int patience = 25000; // ms
constexpr int soon = 5000;

/// As a frame of that function at that line is noted; the line is the one in the source that holds
/// `text`.
std::string frame(const char* function, const char* file, const char* text)
{
    QFile source(QStringLiteral(DEMO_SOURCES "/") + QString::fromLatin1(file));
    int line = 0;
    int found = 0;
    if (source.open(QFile::ReadOnly)) {
        for (int number = 1; !source.atEnd(); ++number) {
            if (source.readLine().contains(text)) {
                line = number;
                ++found;
            }
        }
    }
    if (found != 1)
        return "no such line";
    return std::string("{\"function\":\"") + function + "\",\"file\":\"" DEMO_SOURCES "/" + file +
           "\",\"line\":" + std::to_string(line) + ",\"own\":true}";
}

/// Of the checkout that a noted line is about.
std::string id_in(const std::string& said)
{
    const std::string key = "\"id\":\"";
    const auto begin = said.find(key) + key.size();
    return said.substr(begin, said.find('"', begin) - begin);
}

} // namespace

void TestDemo::init()
{
    folder_ = std::make_unique<QTemporaryDir>();
    QVERIFY(folder_->isValid() && QDir().mkpath(temporary()));
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"),
                       QStringLiteral("unix:") + folder_->filePath(QStringLiteral("demo.sock")));
    environment.insert(QStringLiteral("TMPDIR"), temporary());
    environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("none there")); // no Qt
    program_ = std::make_unique<QProcess>();
    program_->setProcessEnvironment(environment);
    program_->setProgram(QStringLiteral(POOLSCOPE_PROGRAM));
    program_->setArguments({QStringLiteral("--demo-workload=fast")});
}

void TestDemo::cleanup()
{
    inspector_.reset();
    if (program_->state() != QProcess::NotRunning) {
        program_->kill();
        program_->waitForFinished();
    }
    program_.reset();
    folder_.reset();
}

bool TestDemo::attach()
{
    program_->start();
    if (!program_->waitForStarted() || !program_->waitForReadyRead())
        return false;
    const QByteArray address = program_->readLine().trimmed();
    inspector_ = std::make_unique<Inspector>(address.toStdString());
    return QTest::qWaitFor([this] { return inspector_->hears("ready"); });
}

void TestDemo::leaksAtTheRightLine()
{
    QVERIFY(attach());
    // Its number is that of the events before it: none, or some if this machine is busy.
    QCOMPARE(inspector_->count("hello "), std::size_t{1});
    QVERIFY(inspector_->notes.said.front().ends_with(" 2"));
    QTRY_VERIFY(inspector_->hears(R"("pool":"shop","t":)"));
    QTRY_VERIFY(inspector_->hears(R"("pool":"reports","t":)"));
    const std::string lines[] = {
        frame("shop::Checkout::place_order", "checkout.cpp", ".acquire("),
        frame("shop::Baskets::merge_baskets", "basket.cpp", ".acquire("),
        frame("shop::Reports::open_month", "reports.cpp", ".acquire("),
        frame("shop::SupplierFeed::load_line", "supplierfeed.cpp", ".acquire("),
        frame("shop::(anonymous namespace)::send_batch", "mail.cpp", ".acquire("),
    };
    for (const std::string& line : lines)
        QTRY_VERIFY2_WITH_TIMEOUT(inspector_->hears("\"frames\":[" + line), line.c_str(), patience);
    // Several functions deep.
    QVERIFY(inspector_->count(lines[0] + "," +
                              frame("shop::Checkout::handle", "checkout.cpp", "place_order({")) >
            0);
    QTRY_VERIFY(inspector_->hears("{\"request\":\"req-"));
    QVERIFY(inspector_->count(R"("route":"/checkout")") > 0);
    QVERIFY(inspector_->count(R"("by":"checkout")") > 0);
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("severity":"alert")"), patience);
}

void TestDemo::reclaim()
{
    QVERIFY(attach());
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("severity":"alert")"), patience);
    std::string id;
    for (const std::string& said : inspector_->notes.said) {
        if (said.find(R"("severity":"alert")") != std::string::npos)
            id = id_in(said);
    }
    QVERIFY(inspector_->state.is_open(id));
    inspector_->ask(wire::Reclaim{id, {}});
    QTRY_VERIFY(inspector_->hears("done 1"));
    QTRY_VERIFY(inspector_->hears(R"("reason":"reclaimed")"));
    QVERIFY(!inspector_->state.is_open(id));
}

void TestDemo::exhaustionAndRecovery()
{
    QVERIFY(attach());
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("used":20)"), patience);
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("k":"timeout")"), patience);
    QVERIFY(open() >= 20);
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("severity":"resolved")"), patience);
    // All that leaked in the shop comes back: what is left are a draft and the customers of today.
    QTRY_VERIFY_WITH_TIMEOUT((inspector_->pump(), open() <= 9), patience);
    // And again.
    const std::size_t timeouts = inspector_->count(R"("k":"timeout")");
    QTRY_VERIFY_WITH_TIMEOUT((inspector_->pump(), open() >= 20), patience);
    QTRY_VERIFY_WITH_TIMEOUT(
        (inspector_->pump(), inspector_->count(R"("k":"timeout")") > timeouts + 10), patience);
}

void TestDemo::longOperationIsNoLeak()
{
    QVERIFY(attach());
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("route":"/jobs/index")"), patience);
    std::string id;
    for (const std::string& said : inspector_->notes.said) {
        if (said.find(R"("route":"/jobs/index")") == std::string::npos)
            continue;
        QVERIFY(said.find(R"("expected_us":6000000)") != std::string::npos);
        id = id_in(said);
    }
    // While what was lent after it is suspected, it is not; it says that it is alive, and returns.
    QTRY_VERIFY_WITH_TIMEOUT((inspector_->pump(), inspector_->count(R"("k":"leak")") >= 10),
                             patience);
    const auto told = [&](const char* kind) {
        return std::any_of(inspector_->notes.said.begin(), inspector_->notes.said.end(),
                           [&](const std::string& said) {
                               return said.find(kind) != std::string::npos && id_in(said) == id;
                           });
    };
    QVERIFY(told(R"("k":"beat")"));
    QTRY_VERIFY_WITH_TIMEOUT((inspector_->pump(), told(R"("k":"checkin")")), patience);
    QVERIFY(!told(R"("k":"leak")"));
}

void TestDemo::endsWithItsInput()
{
    QVERIFY(attach());
    program_->write("hello\n"); // means nothing to it
    QVERIFY(!program_->waitForFinished(200));
    program_->closeWriteChannel();
    QVERIFY(program_->waitForFinished(soon));
    QCOMPARE(program_->exitStatus(), QProcess::NormalExit);
    QCOMPARE(program_->exitCode(), 0);
    QCOMPARE(program_->readAllStandardError(), QByteArray());
    // Nothing is left behind.
    QVERIFY(QDir(temporary()).isEmpty());
    QVERIFY(!QFile::exists(folder_->filePath(QStringLiteral("demo.sock"))));
}

void TestDemo::endsByASignal()
{
    for (const int signal : {SIGTERM, SIGINT}) {
        QVERIFY(attach());
        ::kill(static_cast<pid_t>(program_->processId()), signal);
        QVERIFY(program_->waitForFinished(soon));
        QCOMPARE(program_->exitStatus(), QProcess::NormalExit);
        QCOMPARE(program_->exitCode(), 0);
        QVERIFY(QDir(temporary()).isEmpty());
    }
}

void TestDemo::endsWhileTheShopIsExhausted()
{
    QVERIFY(attach());
    QTRY_VERIFY_WITH_TIMEOUT(inspector_->hears(R"("k":"timeout")"), patience);
    program_->closeWriteChannel();
    QVERIFY(program_->waitForFinished(soon));
    QCOMPARE(program_->exitCode(), 0);
    QVERIFY(QDir(temporary()).isEmpty());
}

void TestDemo::saysWhyItCannotListen()
{
    QProcessEnvironment environment = program_->processEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"),
                       QStringLiteral("unix:") + folder_->filePath(QStringLiteral("no/such/sock")));
    program_->setProcessEnvironment(environment);
    program_->start();
    QVERIFY(program_->waitForFinished(soon));
    QCOMPARE(program_->exitCode(), 1);
    QVERIFY(program_->readAllStandardError().startsWith("poolscope: "));
    QVERIFY(QDir(temporary()).isEmpty());
}

QTEST_GUILESS_MAIN(TestDemo)
#include "tst_demo.moc"
