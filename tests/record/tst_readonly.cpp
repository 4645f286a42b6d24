// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/record/samplerecording.h"

#include <QTest>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;
using Path = std::filesystem::path;

namespace {

constexpr uid_t nobody = 65534;

/// What `work` says in a process of its own; "died" where it ends otherwise.
std::string in_child(const std::function<std::string()>& work)
{
    int line[2];
    if (::pipe(line) != 0)
        return "no pipe";
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string said = work();
        static_cast<void>(!::write(line[1], said.data(), said.size()));
        ::_exit(0);
    }
    ::close(line[1]);
    std::string said;
    char buffer[1024];
    for (ssize_t got = 0; (got = ::read(line[0], buffer, sizeof buffer)) > 0;)
        said.append(buffer, static_cast<std::size_t>(got));
    ::close(line[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? said : "died";
}

/// Permissions hold nobody but root back: root becomes someone else for it.
std::string unprivileged(const std::function<std::string()>& work)
{
    return in_child([&]() -> std::string {
        if (::geteuid() == 0 &&
            (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0))
            return std::string{"could not become nobody: "} + std::strerror(errno);
        return work();
    });
}

/// In a view of the filesystem that ends with the process. `work` gets a folder of so many bytes.
std::string with_small_disk(std::size_t bytes, const std::function<std::string(const Path&)>& work)
{
    const Folder folder;
    return in_child([&]() -> std::string {
        const std::string size = "size=" + std::to_string(bytes);
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", folder.path().c_str(), "tmpfs", 0, size.c_str()) != 0)
            return std::string{"SKIP: no right to mount here: "} + std::strerror(errno);
        return work(folder.path());
    });
}

void mode(const Path& path, mode_t bits)
{
    if (::chmod(path.c_str(), bits) != 0)
        throw std::runtime_error("chmod");
}

/// Everyone may read what lies in the folder, nobody may write there.
void lock_up(const SampleRecording& sample)
{
    for (const auto& entry : std::filesystem::directory_iterator{sample.folder()})
        mode(entry.path(), 0444);
    mode(sample.folder(), 0555);
}

/// Empty where the recording can be used and holds what it should.
std::string compare(const Path& file, const std::vector<Observation>& expected)
{
    if (std::string trouble = use(file); !trouble.empty())
        return trouble;
    std::string trouble;
    const auto found = read_file(file, &trouble);
    if (!trouble.empty())
        return trouble;
    return found == expected ? std::string{}
                             : "it holds " + std::to_string(found.size()) + " observations of " +
                                   std::to_string(expected.size());
}

std::string sentence(const Result<Done>& result)
{
    return result ? "it was done" : result.error().sentence + " | " + result.error().next_step;
}

bool says(const std::string& all, const char* part)
{
    return all.find(part) != std::string::npos;
}

} // namespace

/// What went wrong stands in the test's own words.
#define HOLDS(work)                                                                                \
    do {                                                                                           \
        const std::string trouble_ = (work);                                                       \
        QVERIFY2(trouble_.empty(), trouble_.c_str());                                              \
    } while (false)

/// Folders, filesystems and disks that take nothing more.
class ReadOnly : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase();
    void closedRecording();
    void recordingLeftOpen_data();
    void recordingLeftOpen();
    void savedElsewhere();
    void nothingIsWrittenThere();
    void aForeignersFile();
    void readOnlyFilesystem();
    void copyOntoAFullDisk();
    void writerOnAFullDisk();
};

void ReadOnly::initTestCase()
{
    const Path temporary = std::filesystem::temp_directory_path();
    const std::string trouble = unprivileged(
        [&] { return ::access(temporary.c_str(), X_OK) == 0 ? "" : "nobody may enter it"; });
    if (!trouble.empty())
        QSKIP(("The temporary folder is root's own: " + trouble).c_str());
}

void ReadOnly::closedRecording()
{
    const SampleRecording sample{81, 600, 20s};
    HOLDS(sample.trouble());
    lock_up(sample);
    HOLDS(unprivileged([&] { return compare(sample.file(), sample.observations()); }));
    QCOMPARE(files_in(sample.folder()), std::size_t{1});
}

void ReadOnly::recordingLeftOpen_data()
{
    QTest::addColumn<bool>("index");
    QTest::newRow("with the log and its index") << true;
    QTest::newRow("with the log alone") << false;
}

/// All of it stands in the log: what the file itself holds is next to nothing.
void ReadOnly::recordingLeftOpen()
{
    QFETCH(bool, index);
    const SampleRecording sample{82, 600, 20s, SampleRecording::End::left_open};
    HOLDS(sample.trouble());
    if (!index)
        std::filesystem::remove(sample.file().string() + "-shm");
    const std::string before = contents(sample.file());
    lock_up(sample);
    HOLDS(unprivileged([&] { return compare(sample.file(), sample.observations()); }));
    QCOMPARE(files_in(sample.folder()), std::size_t{index ? 3U : 2U});
    QCOMPARE(contents(sample.file()), before);
}

void ReadOnly::savedElsewhere()
{
    for (const bool left_open : {false, true}) {
        const SampleRecording sample{83, 600, 20s,
                                     left_open ? SampleRecording::End::left_open
                                               : SampleRecording::End::closed};
        std::filesystem::remove(sample.file().string() + "-shm");
        lock_up(sample);
        const Folder out;
        mode(out.path(), 0777);
        const Path copy = out / "copy.poolrec";
        HOLDS(unprivileged([&] {
            const auto done = save_recording(sample.file(), copy, {});
            return done ? compare(copy, sample.observations()) : sentence(done);
        }));
        QCOMPARE(files_in(out.path()), std::size_t{1});
        QVERIFY(RecordingReader::open(copy).value()->info().value().complete);
    }
}

void ReadOnly::nothingIsWrittenThere()
{
    const SampleRecording sample{84, 50, 20s};
    lock_up(sample);
    const std::string created = unprivileged([&] {
        const auto writer = RecordingWriter::create(sample / "new.poolrec", {});
        return writer ? "it was created" : writer.error().sentence;
    });
    QVERIFY2(says(created, "its folder is read-only"), created.c_str());
    const std::string saved = unprivileged(
        [&] { return sentence(save_recording(sample.file(), sample / "copy.poolrec", {})); });
    QVERIFY2(says(saved, "its folder is read-only"), saved.c_str());
    QVERIFY2(says(saved, "Choose a folder"), saved.c_str());
    QCOMPARE(files_in(sample.folder()), std::size_t{1});
}

void ReadOnly::aForeignersFile()
{
    const SampleRecording sample{85, 50, 20s};
    mode(sample.folder(), 0755);
    mode(sample.file(), ::geteuid() == 0 ? 0600 : 0000);
    const std::string opened = unprivileged([&] {
        const auto reader = RecordingReader::open(sample.file());
        return reader ? "it was opened"
                      : reader.error().sentence + " | " + reader.error().next_step;
    });
    QVERIFY2(says(opened, "it may not be opened"), opened.c_str());
    QVERIFY2(says(opened, "permissions"), opened.c_str());
}

void ReadOnly::readOnlyFilesystem()
{
    const SampleRecording sample{86, 600, 20s, SampleRecording::End::left_open};
    HOLDS(sample.trouble());
    const std::string said = with_small_disk(8'000'000, [&](const Path& disk) -> std::string {
        const Path file = disk / "a.poolrec";
        for (const char* const suffix : {"", "-wal"})
            std::filesystem::copy_file(sample.file().string() + suffix, file.string() + suffix);
        if (::mount("none", disk.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
            return "SKIP: no right to make it read-only";
        const auto writer = RecordingWriter::create(disk / "new.poolrec", {});
        if (writer || !says(writer.error().sentence, "read-only"))
            return writer ? "a file was created" : writer.error().sentence;
        return compare(file, sample.observations());
    });
    if (says(said, "SKIP"))
        QSKIP(said.c_str());
    HOLDS(said);
}

void ReadOnly::copyOntoAFullDisk()
{
    const SampleRecording sample{87, 800, 20s};
    QVERIFY(std::filesystem::file_size(sample.file()) > 150'000);
    const std::string said = with_small_disk(100'000, [&](const Path& disk) -> std::string {
        write_bytes(disk / "copy.poolrec", "what was there before");
        const auto done = save_recording(sample.file(), disk / "copy.poolrec", {});
        if (contents(disk / "copy.poolrec") != "what was there before")
            return "the older file is gone";
        if (files_in(disk) != 1)
            return "something was left behind";
        return sentence(done);
    });
    if (says(said, "SKIP"))
        QSKIP(said.c_str());
    QVERIFY2(says(said, "the disk is full"), said.c_str());
    QVERIFY2(says(said, "Free some space"), said.c_str());
}

/// What does not fit waits, and is written once there is room.
void ReadOnly::writerOnAFullDisk()
{
    const auto observations = Stream{88, {2, 40, 0.4, true, false}}.take(1200);
    const std::string said = with_small_disk(12'000'000, [&](const Path& disk) -> std::string {
        write_bytes(disk / "filler", std::string(11'300'000, 'x'));
        const Path file = disk / "a.poolrec";
        auto writer = RecordingWriter::create(file, keyframes_every(20s));
        if (!writer)
            return writer.error().sentence;
        std::string trouble;
        for (std::size_t i = 0; i < observations.size(); ++i) {
            if (!writer.value()->append(observations[i]))
                return "it takes no more";
            if (i % 20 != 19)
                continue;
            if (const auto done = writer.value()->commit(); !done) {
                trouble = done.error().sentence;
                std::filesystem::remove(disk / "filler");
            }
        }
        if (!says(trouble, "the disk is full"))
            return "no trouble, or another: " + trouble;
        if (const auto done = writer.value()->close(); !done)
            return done.error().sentence;
        return compare(file, observations);
    });
    if (says(said, "SKIP"))
        QSKIP(said.c_str());
    HOLDS(said);
}

QTEST_APPLESS_MAIN(ReadOnly)
#include "tst_readonly.moc"
