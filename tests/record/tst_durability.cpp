// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/stream.h"

#include <QTest>

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class Durability : public QObject
{
    Q_OBJECT

private slots:
    void killedWriterLosesOnlyTheUncommitted();
    void readersSeeEachCommit();
    void fullDiskLosesNothingCommitted();
    void aDiskThatIsFullIsSaidToBe();
    void onlyTheOwnerMayRead();
    void anExistingFileIsKept();
    void ringForgetsByAge();
    void ringForgetsByBytes();
    void ringKeepsTheTextsOfWhatIsThere();
};

void Durability::killedWriterLosesOnlyTheUncommitted()
{
    const auto original = Stream{31, {}}.take(900);
    const Folder folder;
    const auto file = folder / "a.poolrec";
    int line[2];
    QCOMPARE(::pipe(line), 0);
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
        auto writer = RecordingWriter::create(file, keyframes_every(20s));
        bool good = static_cast<bool>(writer);
        for (std::size_t i = 0; good && i < original.size(); ++i) {
            good = static_cast<bool>(writer.value()->append(original[i]));
            if (good && i % 10 == 9 && i < 700)
                good = static_cast<bool>(writer.value()->commit());
        }
        // Committed up to 700, appended up to 900: now the parent may shoot.
        const char answer = good ? 'g' : 'b';
        static_cast<void>(::write(line[1], &answer, 1));
        for (;;)
            ::pause();
    }
    char answer = 0;
    QCOMPARE(::read(line[0], &answer, 1), ssize_t{1});
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(line[0]);
    ::close(line[1]);
    QCOMPARE(answer, 'g');

    const auto reader = RecordingReader::open(file);
    QVERIFY(reader);
    const auto info = reader.value()->info();
    QVERIFY(info);
    QVERIFY(!info.value().complete);
    QCOMPARE(info.value().observations, std::uint64_t{700});
    const auto rest = read_all(*reader.value());
    QCOMPARE(rest.size(), std::size_t{700});
    QVERIFY(std::equal(rest.begin(), rest.end(), original.begin()));

    // Saved, it is one whole file.
    QVERIFY(save_recording(file, folder / "saved.poolrec", {}));
    QVERIFY(read_file(folder / "saved.poolrec") == rest);
    QVERIFY(!std::filesystem::exists(folder / "saved.poolrec-wal"));
}

void Durability::readersSeeEachCommit()
{
    const auto original = Stream{32, {}}.take(600);
    const Folder folder;
    auto writer = RecordingWriter::create(folder / "a.poolrec", keyframes_every(10s));
    QVERIFY(writer);
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    World live, seen;
    SequenceNumber last;
    for (std::size_t i = 0; i < original.size(); ++i) {
        QVERIFY(writer.value()->append(original[i]));
        live.apply(original[i]);
        if (i % 20 != 19)
            continue;
        QVERIFY(writer.value()->commit());
        const auto done = reader.value()->read(last, [&](const Observation& o) {
            seen.apply(o);
            return true;
        });
        QVERIFY(done);
        last = done.value();
        QVERIFY(seen == live);
        const auto info = reader.value()->info();
        QVERIFY(info && info.value().observations == i + 1 && !info.value().complete);
        const auto keyframe = reader.value()->keyframe(original[i].time);
        QVERIFY(keyframe && keyframe.value().now() <= original[i].time);
    }
    QVERIFY(writer.value()->bytes() > 50'000);
    // A reader that is in the middle of reading does not hold the writer up.
    Stream more{32, {}};
    more.take(600);
    const auto done = reader.value()->read({}, [&](const Observation&) {
        return writer.value()->append(more.next()) && writer.value()->commit();
    });
    QVERIFY(done && done.value().value == 600);
    QCOMPARE(reader.value()->info().value().observations, std::uint64_t{1200});
}

void Durability::fullDiskLosesNothingCommitted()
{
    const auto original = Stream{33, {2, 60, 0.5, true, false}}.take(1500);
    const Folder folder;
    const auto file = folder / "a.poolrec";
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        auto writer = RecordingWriter::create(file, keyframes_every(20s));
        if (!writer)
            ::_exit(1);
        const rlimit tight{700'000, RLIM_INFINITY};
        bool failed = false;
        for (std::size_t i = 0; i < original.size(); ++i) {
            if (i == 200)
                ::setrlimit(RLIMIT_FSIZE, &tight);
            if (!writer.value()->append(original[i]))
                ::_exit(2);
            if (i % 10 != 9)
                continue;
            const auto done = writer.value()->commit();
            if (!done) {
                failed = true;
                if (done.error().sentence.find("could not be written") == std::string::npos ||
                    done.error().next_step.empty())
                    ::_exit(3);
                // What was committed is there, meanwhile.
                const auto reader = RecordingReader::open(file);
                if (!reader || !reader.value()->info() ||
                    reader.value()->info().value().observations < 200)
                    ::_exit(4);
            }
        }
        if (!failed)
            ::_exit(5);
        const rlimit open{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &open);
        ::_exit(writer.value()->close() ? 0 : 6);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFEXITED(status));
    QCOMPARE(WEXITSTATUS(status), 0);
    // Nothing was lost at all: it waited in memory.
    QVERIFY(read_file(file) == original);
}

/// A small disk of its own, with ever more room on it: whichever step it is that finds no more.
void Durability::aDiskThatIsFullIsSaidToBe()
{
    const Folder folder;
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
        constexpr int no_disk = 77;
        const auto disk = folder / "disk";
        std::filesystem::create_directory(disk);
        if (::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", disk.c_str(), "tmpfs", 0, "size=1m") != 0)
            ::_exit(no_disk);
        int refused = 0;
        for (std::uintmax_t room = 0; room <= 256 << 10; room += 4 << 10) {
            const auto ballast = disk / "ballast";
            const int fd = ::open(ballast.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            if (::posix_fallocate(fd, 0, (1 << 20) - static_cast<off_t>(room)) != 0)
                ::_exit(no_disk);
            ::close(fd);
            auto writer = RecordingWriter::create(disk / "a.poolrec", {});
            if (!writer && writer.error().sentence.find("the disk is full") == std::string::npos) {
                std::fprintf(stderr, "%ju: %s\n", room, writer.error().sentence.c_str());
                ::_exit(1);
            }
            refused += !writer;
            writer = Error{};
            for (const auto& entry : std::filesystem::directory_iterator{disk})
                std::filesystem::remove(entry);
        }
        ::_exit(refused > 10 ? 0 : 2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        QSKIP("no disk of its own is to be had here");
    QCOMPARE(WEXITSTATUS(status), 0);
}

void Durability::onlyTheOwnerMayRead()
{
    const auto mode_of = [](const std::filesystem::path& file) {
        struct stat what
        {};
        return ::stat(file.c_str(), &what) == 0 ? what.st_mode & 07777 : 0;
    };
    const Folder folder;
    for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
        const mode_t before = ::umask(mask);
        const auto file = folder / (mask == 0 ? "a.poolrec" : "b.poolrec");
        const auto copy = folder / (mask == 0 ? "a2.poolrec" : "b2.poolrec");
        auto writer = RecordingWriter::create(file, {});
        for (const Observation& o : Stream{1, {}}.take(50)) {
            if (writer)
                static_cast<void>(writer.value()->append(o));
        }
        const bool committed = writer && writer.value()->commit();
        const bool saved = static_cast<bool>(save_recording(file, copy, {}));
        ::umask(before);
        QVERIFY(committed);
        QVERIFY(saved);
        QCOMPARE(mode_of(file), mode_t{0600});
        QCOMPARE(mode_of(file.string() + "-wal"), mode_t{0600});
        QCOMPARE(mode_of(copy), mode_t{0600});
    }
}

void Durability::anExistingFileIsKept()
{
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", Stream{1, {}}.take(50)), std::string{});
    const auto again = RecordingWriter::create(folder / "a.poolrec", {});
    QVERIFY(!again);
    QVERIFY(again.error().sentence.find("exists already") != std::string::npos);
    QCOMPARE(read_file(folder / "a.poolrec").size(), std::size_t{50});
    const auto nowhere = RecordingWriter::create(folder / "no" / "a.poolrec", {});
    QVERIFY(!nowhere);
    QVERIFY(nowhere.error().sentence.find("folder does not exist") != std::string::npos);
    // Of a copy, the name that the user gave and not that of the file that comes before it.
    const auto copy = save_recording(folder / "a.poolrec", folder / "no" / "b.poolrec", {});
    QVERIFY(!copy);
    QVERIFY(copy.error().sentence.find("/b.poolrec\"") != std::string::npos);
    QVERIFY(copy.error().sentence.find("part") == std::string::npos);
    const auto in_proc = RecordingWriter::create("/proc/a.poolrec", {});
    QVERIFY(!in_proc);
    QVERIFY(!in_proc.error().sentence.empty());
}

void Durability::ringForgetsByAge()
{
    const auto original = Stream{41, {2, 15, 0.3, true, true}}.take(3000);
    const Folder folder;
    WriterOptions options = keyframes_every(10s);
    options.keep_for = 60s;
    QCOMPARE(record_all(folder / "a.poolrec", original, options), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const auto info = reader.value()->info();
    QVERIFY2(info, info ? "" : info.error().sentence.c_str());
    const Duration kept = info.value().ended - info.value().started;
    QVERIFY(kept >= 60s);
    QVERIFY(kept <= 85s);
    QVERIFY(info.value().first.value > 1);
    QCOMPARE(info.value().targets.size(), std::size_t{3});

    // The world at the first kept keyframe and all that follows is as if nothing had been dropped.
    World expected;
    const auto world = reader.value()->keyframe(original.front().time);
    QVERIFY(world);
    for (const Observation& o : original) {
        if (o.sequence <= world.value().sequence())
            expected.apply(o);
    }
    QVERIFY(world.value() == expected);
    const auto rest = read_all(*reader.value());
    QCOMPARE(rest.size(), info.value().observations);
    QVERIFY(rest.front().sequence == info.value().first);
    QVERIFY(std::equal(rest.begin(), rest.end(),
                       original.end() - static_cast<std::ptrdiff_t>(rest.size())));
    for (const Observation& o : rest)
        expected.apply(o);
    const auto last = reader.value()->keyframe(Timestamp::max());
    QVERIFY(last);
    World end = last.value();
    QVERIFY(reader.value()->read(end.sequence(), [&](const Observation& o) {
        end.apply(o);
        return true;
    }));
    QVERIFY(end == expected);
    // And so is a saved copy.
    QVERIFY(save_recording(folder / "a.poolrec", folder / "b.poolrec", {}));
    QVERIFY(read_file(folder / "b.poolrec") == rest);
}

void Durability::ringForgetsByBytes()
{
    Stream stream{42, {1, 100, 0.5, true, false}};
    const Folder folder;
    constexpr std::uint64_t limit = 1'000'000;
    WriterOptions options;
    options.keep_bytes = limit;
    auto writer = RecordingWriter::create(folder / "a.poolrec", options);
    QVERIFY(writer);
    std::uintmax_t largest = 0;
    for (int second = 0; second < 1500; ++second) {
        for (const Observation& o : stream.take(2))
            QVERIFY(writer.value()->append(o));
        QVERIFY(writer.value()->commit());
        largest = std::max(largest, std::filesystem::file_size(folder / "a.poolrec"));
    }
    QVERIFY2(largest < limit * 3 / 2, qPrintable(QString::number(largest)));
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const auto info = reader.value()->info();
    QVERIFY(info);
    QVERIFY(info.value().first.value > 100);
    QVERIFY(info.value().observations > 100);
    QCOMPARE(read_all(*reader.value()).size(), info.value().observations);
    QVERIFY(reader.value()->keyframe(info.value().started));
}

/// So much is said between two keyframes that the writer forgets the numbers of all older texts.
/// What is still there refers to them.
void Durability::ringKeepsTheTextsOfWhatIsThere()
{
    const Timestamp start = timestamp_from_us(1'795'271'320'000'000);
    std::vector<Observation> original;
    Timestamp now = start;
    const auto add = [&](std::uint32_t target, Fact what) {
        original.push_back(
            {SequenceNumber{original.size() + 1}, now, TargetId{target}, std::move(what)});
    };
    add(1, TargetAttached{{TargetId{1}, "postgresql", "shop-db", "postgresql://db"}});
    add(2, TargetAttached{{TargetId{2}, "pool", "shop-api", "pool://shop-api"}});
    const auto session = [&](std::int64_t pid, Text statement) {
        Session s;
        s.key = {TargetId{1}, Pid{pid}, start};
        s.user = Text{"shop"};
        s.client = Text{"10.0.0.7:5000"};
        s.statement = std::move(statement);
        return s;
    };
    ServerSample sample;
    sample.full = true;
    sample.changed = {session(1, {}), session(2, {})};
    add(1, sample);
    add(1, LocksReported{sample.changed[0].key, {{"relation", "public.item", "ShareLock", true}}});
    PoolSample pools;
    pools.full = true;
    Checkout held;
    held.key = {TargetId{2}, Text{"c1"}};
    held.thread = Text{"worker-1"};
    held.tags = {{Text{"tenant"}, Text{"a"}}};
    held.stack = make_stack({{Text{"shop::pay"}, Text{"pay.cpp"}, 8, true}});
    pools.changed = {held};
    add(2, pools);
    ServerSample more;
    for (int i = 0; i < 240; ++i) {
        now += 200ms;
        more.changed = {session(2, Text{std::to_string(i) + std::string(700'000, 'x')})};
        add(1, more);
    }
    const Folder folder;
    WriterOptions options = keyframes_every(20s);
    options.keep_for = 5s;
    QCOMPARE(record_all(folder / "a.poolrec", original, options), std::string{});
    World expected;
    for (const Observation& o : original)
        expected.apply(o);
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader.value()->info().value().first.value > 100);
    auto world = reader.value()->keyframe(Timestamp::max());
    QVERIFY2(world, world ? "" : world.error().sentence.c_str());
    QVERIFY(reader.value()->read(world.value().sequence(), [&](const Observation& o) {
        world.value().apply(o);
        return true;
    }));
    QVERIFY(world.value() == expected);
}

QTEST_APPLESS_MAIN(Durability)
#include "tst_durability.moc"
