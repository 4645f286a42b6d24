// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/database.h"
#include "tests/record/samplerecording.h"

#include <QElapsedTimer>
#include <QTest>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <random>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;
using Path = std::filesystem::path;

namespace {

/// How far the child has come. Lies in memory that both processes share, so that it outlives the
/// child and tells what had been promised when it was shot.
struct Progress
{
    std::atomic<std::uint64_t> appended = 0;
    std::atomic<std::uint64_t> committed = 0;
    std::atomic<bool> failed = false;
};

class SharedProgress
{
public:
    SharedProgress()
        : at_(::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0))
        , progress_(new (at_) Progress)
    {}
    ~SharedProgress() { ::munmap(at_, sizeof(Progress)); }
    SharedProgress(const SharedProgress&) = delete;
    SharedProgress& operator=(const SharedProgress&) = delete;
    Progress* operator->() const { return progress_; }

private:
    void* at_;
    Progress* progress_;
};

/// A round: what is recorded, and when the shot falls.
struct Round
{
    std::uint32_t seed = 0;
    bool redact = false;
    bool ring = false;
    std::uint64_t shot_at = 0;         ///< once so many observations were appended
    std::uint64_t shot_after = 0;      ///< … and so many looks at the clock later
    static constexpr int a_second = 6; ///< observations between commits

    WriterOptions options() const
    {
        WriterOptions options = keyframes_every(15s);
        options.redact = redact;
        if (ring)
            options.keep_bytes = 400'000;
        return options;
    }
};

constexpr const char* secret = "hunter2-";

/// The same observations in parent and child. Every statement carries a literal that must not be
/// found in a redacted recording.
class Observations
{
public:
    explicit Observations(std::uint32_t seed)
        : stream_(seed, {2, 25, 0.3, true, false})
    {}
    Observation next()
    {
        Observation o = stream_.next();
        if (auto* const sample = std::get_if<ServerSample>(&o.what)) {
            for (Session& session : sample->changed)
                session.statement = Text{"UPDATE account SET password = '" + std::string{secret} +
                                         std::to_string(session.key.pid.value) + "'"};
        } else if (auto* const pools = std::get_if<PoolSample>(&o.what)) {
            for (Checkout& checkout : pools->changed)
                checkout.statement =
                    Text{"SELECT '" + std::string{secret} + checkout.key.id.str() + "'"};
            for (PreparedStatements& prepared : pools->prepared)
                prepared.statement = Text{"INSERT '" + std::string{secret} + "prepared'"};
        }
        return o;
    }

private:
    Stream stream_;
};

/// What `poolscope record` does, only faster: never comes back.
[[noreturn]] void write_until_shot(const Path& file, const Round& round,
                                   const SharedProgress& progress)
{
    Observations observations{round.seed};
    auto writer = RecordingWriter::create(file, round.options());
    bool good = static_cast<bool>(writer);
    while (good) {
        for (int i = 0; good && i < Round::a_second; ++i) {
            good = static_cast<bool>(writer.value()->append(observations.next()));
            progress->appended.fetch_add(1);
        }
        good = good && writer.value()->commit();
        if (good)
            progress->committed = progress->appended.load();
    }
    progress->failed = true;
    ::_exit(1);
}

/// False: it ended by itself.
bool shoot(pid_t child, const Round& round, const SharedProgress& progress)
{
    int status = 0;
    while (progress->appended < round.shot_at) {
        if (::waitpid(child, &status, WNOHANG) != 0)
            return false;
    }
    for (std::uint64_t i = 0; i < round.shot_after; ++i)
        static_cast<void>(std::chrono::steady_clock::now());
    ::kill(child, SIGKILL);
    return ::waitpid(child, &status, 0) == child && WIFSIGNALED(status);
}

bool holds_secret(const Path& file)
{
    return (contents(file) + contents(record::beside(file, "-wal"))).find(secret) !=
           std::string::npos;
}

/// Empty where the file is what a writer shot at that moment must leave.
std::string inspect(const Path& file, const Round& round, std::uint64_t committed)
{
    // The first sample is among the first few dozen.
    if (round.redact && holds_secret(file))
        return "a literal stands in a redacted file";
    if (!round.redact && committed > 60 && !holds_secret(file))
        return "the statements are missing";
    if (std::string trouble = use(file); !trouble.empty())
        return trouble;
    const auto reader = RecordingReader::open(file);
    const RecordingInfo info = reader.value()->info().value();
    if (info.complete)
        return "it is said to be complete";
    if (info.last.value < committed)
        return "committed observations are lost";

    // What is there is what was observed, each one in its place, to the last.
    const auto found = read_all(*reader.value());
    Observations observations{round.seed};
    Observation expected = observations.next();
    for (const Observation& o : found) {
        while (expected.sequence < o.sequence)
            expected = observations.next();
        Observation wanted = expected;
        if (auto* const sample = std::get_if<ServerSample>(&wanted.what); sample && round.redact) {
            for (Session& session : sample->changed)
                session.statement = Text{redact_statement(session.statement.str())};
        } else if (auto* const pools = std::get_if<PoolSample>(&wanted.what);
                   pools && round.redact) {
            for (Checkout& checkout : pools->changed)
                checkout.statement = Text{redact_statement(checkout.statement.str())};
            for (PreparedStatements& prepared : pools->prepared)
                prepared.statement = Text{redact_statement(prepared.statement.str())};
        }
        if (wanted != o)
            return "observation " + std::to_string(o.sequence.value) + " is another one";
    }
    if (!round.ring && (found.size() != info.last.value || info.first.value != 1))
        return "there are holes";

    SQLite::Database db{file.string(), SQLite::OPEN_READWRITE};
    if (const auto check = db.execAndGet("PRAGMA integrity_check").getString(); check != "ok")
        return "integrity: " + check;
    return {};
}

int environment(const char* name, int otherwise)
{
    const int value = qEnvironmentVariableIntValue(name);
    return value > 0 ? value : otherwise;
}

} // namespace

/// Writers that are killed at any moment. POOLSCOPE_TORTURE_ROUNDS sets how often.
class Torture : public QObject
{
    Q_OBJECT

private slots:
    void killedAtAnyMoment();
    void killedWhileItIsMade();
};

void Torture::killedAtAnyMoment()
{
    const int rounds = environment("POOLSCOPE_TORTURE_ROUNDS", 150);
    const auto seed = static_cast<std::uint32_t>(environment("POOLSCOPE_TORTURE_SEED", 1));
    std::mt19937_64 random{seed};
    QElapsedTimer watch;
    watch.start();
    std::uint64_t observations = 0, uncommitted_found = 0, most_lost = 0, bytes = 0;
    for (int i = 0; i < rounds; ++i) {
        const Round round{static_cast<std::uint32_t>(1000 + i), random() % 2 == 0,
                          random() % 3 == 0, 1 + random() % 6000, random() % 2000};
        const Folder folder;
        const Path file = folder / "shot.poolrec";
        const SharedProgress progress;
        const pid_t child = ::fork();
        QVERIFY(child >= 0);
        if (child == 0)
            write_until_shot(file, round, progress);
        QVERIFY2(shoot(child, round, progress), "the writer ended by itself");
        QVERIFY(!progress->failed);
        const std::uint64_t appended = progress->appended, committed = progress->committed;
        if (committed == 0)
            continue;
        const std::string trouble = inspect(file, round, committed);
        QVERIFY2(trouble.empty(), qPrintable(QStringLiteral("round %1 of seed %2: %3")
                                                 .arg(i)
                                                 .arg(seed)
                                                 .arg(QString::fromStdString(trouble))));
        const std::uint64_t last = RecordingReader::open(file).value()->info().value().last.value;
        observations += last;
        uncommitted_found += last - committed;
        most_lost = std::max(most_lost, appended - std::min(appended, last));
        bytes += std::filesystem::file_size(file);
        // And the rest can be saved.
        if (i % 10 == 0) {
            QVERIFY(save_recording(file, folder / "saved.poolrec", {}));
            QVERIFY(read_file(folder / "saved.poolrec") == read_file(file));
        }
    }
    std::printf("torture: %d kills, %llu observations, %llu bytes; at most %llu observations lost "
                "(a commit every %d), %llu found that were not promised yet; %lld s\n",
                rounds, static_cast<unsigned long long>(observations),
                static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(most_lost),
                Round::a_second, static_cast<unsigned long long>(uncommitted_found),
                static_cast<long long>(watch.elapsed() / 1000));
    QVERIFY(observations > 0);
    QVERIFY(most_lost <= static_cast<std::uint64_t>(Round::a_second));
}

/// Before the first commit there is nothing to lose, but nothing may fall over it either.
void Torture::killedWhileItIsMade()
{
    std::mt19937_64 random{7};
    int opened = 0, refused = 0;
    for (int i = 0; i < environment("POOLSCOPE_TORTURE_ROUNDS", 150) / 3; ++i) {
        const Folder folder;
        const Path file = folder / "shot.poolrec";
        const SharedProgress progress;
        const pid_t child = ::fork();
        QVERIFY(child >= 0);
        if (child == 0)
            write_until_shot(file, {1}, progress);
        while (!std::filesystem::exists(file))
            QVERIFY(::waitpid(child, nullptr, WNOHANG) == 0);
        for (std::uint64_t looks = random() % 400'000; looks > 0; --looks)
            static_cast<void>(std::chrono::steady_clock::now());
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        const std::string trouble = use(file);
        (trouble.empty() ? opened : refused) += 1;
        QVERIFY2(trouble.empty() || trouble.find("could not be") == std::string::npos,
                 trouble.c_str());
    }
    std::printf("torture: killed while the file was made: %d could be opened, %d were refused with "
                "a reason\n",
                opened, refused);
}

QTEST_APPLESS_MAIN(Torture)
#include "tst_torture.moc"
