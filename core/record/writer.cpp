// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/writer.h"

#include "core/record/encoder.h"
#include "core/record/inserts.h"
#include "core/record/schema.h"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <optional>
#include <system_error>

namespace poolscope {

namespace {

using record::ask;
using record::Query;
using record::Row;
using schema::Table;

/// Without a commit, what was appended is written out by itself at this many rows …
constexpr std::size_t rows_at_once = 50'000;
/// … and nothing more is taken while the disk refuses and this many wait.
constexpr std::size_t most_waiting_rows = 250'000;

class Writer final : public RecordingWriter
{
public:
    Writer(const std::filesystem::path& file, const WriterOptions& options)
        : file_(file)
        , options_(options)
        , encoder_(options)
        , database_(
              std::make_unique<SQLite::Database>(std::filesystem::absolute(file).string(),
                                                 SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX))
    {
        prepare_file();
        inserts_.emplace(*database_);
    }

    ~Writer() override
    {
        if (database_)
            static_cast<void>(commit());
    }

    Result<Done> append(const Observation& observation) override;
    Result<Done> commit() override;
    Result<Done> close() override;
    std::optional<Timestamp> begins() const override { return begins_; }
    std::optional<Error> refuses(const Observation& observation) const override
    {
        return encoder_.refuses(observation);
    }
    std::uint64_t bytes() const override
    {
        return record::size_on_disk(file_) + record::size_on_disk(record::beside(file_, "-wal")) +
               record::size_on_disk(record::beside(file_, "-shm"));
    }

private:
    void prepare_file();
    void write_pending();
    void roll_back() noexcept;
    void trim();
    void drop_up_to(std::int64_t keyframe);
    void drop_settings_up_to(std::int64_t keyframe);
    void drop_pools_up_to(std::int64_t keyframe);
    void forget_lists(const char* table, const char* lines, std::int64_t keyframe);
    void run(const std::string& sql, std::int64_t a);
    Error closed() const
    {
        return {fmt::format("{} is closed; nothing more can be recorded into it.",
                            record::quoted(file_)),
                {}};
    }

    std::filesystem::path file_;
    WriterOptions options_;
    record::Encoder encoder_;
    record::Pending pending_;
    std::unique_ptr<SQLite::Database> database_;
    std::optional<record::Inserts> inserts_;
    std::int64_t first_keyframe_ = 0; ///< of a ring that has dropped something
    std::optional<Timestamp> begins_; ///< the instant of that
    bool started_ = false;
    bool trim_due_ = false;
};

void Writer::prepare_file()
{
    SQLite::Database& db = *database_;
    db.setBusyTimeout(2000);
    db.exec("PRAGMA page_size = 4096");
    const bool ring = options_.keep_for || options_.keep_bytes;
    db.exec(ring ? "PRAGMA auto_vacuum = INCREMENTAL" : "PRAGMA auto_vacuum = NONE");
    db.exec(fmt::format("PRAGMA application_id = {}", schema::application_id));
    db.exec("PRAGMA journal_mode = WAL");
    // A commit is in the hands of the system, so it survives our end; a power cut may cost the last
    // seconds, never the file.
    db.exec("PRAGMA synchronous = NORMAL");
    db.exec("PRAGMA journal_size_limit = 4194304");
    db.exec("BEGIN IMMEDIATE");
    for (std::size_t i = 0; i < schema::table_count; ++i)
        db.exec(std::string{schema::definition(static_cast<Table>(i)).sql});
    for (const std::string_view sql : schema::other_statements())
        db.exec(std::string{sql});
    if (ring) {
        for (const std::string_view sql : schema::ring_statements())
            db.exec(std::string{sql});
    }
    Query meta{db, "INSERT INTO meta VALUES ('complete', 0), ('redacted', ?),"
                   " ('first_keyframe', 0), ('started', NULL), ('writer', 'Poolscope')"};
    meta.bind(1, options_.redact ? 1 : 0);
    meta.run();
    db.exec(fmt::format("PRAGMA user_version = {}", schema::version));
    db.exec("COMMIT");
}

Result<Done> Writer::append(const Observation& observation)
{
    if (!database_)
        return closed();
    if (auto refusal = encoder_.refuses(observation))
        return std::move(*refusal);
    if (pending_.rows() >= rows_at_once) {
        Result<Done> written = commit();
        if (!written && pending_.rows() >= most_waiting_rows)
            return written;
    }
    try {
        encoder_.append(observation, pending_);
    } catch (const std::exception& e) {
        return record::explain(e, file_, "written");
    }
    return Done{};
}

Result<Done> Writer::commit()
{
    if (!database_)
        return closed();
    if (pending_.rows() == 0 && pending_.used.empty() && !trim_due_)
        return Done{};
    try {
        if (pending_.rows() != 0 || !pending_.used.empty()) {
            write_pending();
            trim_due_ = trim_due_ || pending_.keyframe || options_.keep_bytes;
            pending_.clear();
        }
        if (trim_due_)
            trim();
        trim_due_ = false;
        return Done{};
    } catch (const std::exception& e) {
        Error error = record::explain(e, file_, "written");
        roll_back();
        return error;
    }
}

void Writer::write_pending()
{
    inserts_->begin();
    inserts_->write(pending_);
    if (!started_ && encoder_.started())
        run("UPDATE meta SET value = ? WHERE key = 'started'", to_us(*encoder_.started()));
    inserts_->commit();
    started_ = true;
}

void Writer::roll_back() noexcept
{
    // A full disk makes SQLite roll back by itself.
    if (sqlite3_get_autocommit(database_->getHandle()) == 0)
        sqlite3_exec(database_->getHandle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

/// A ring lets go of whole spans at its old end.
void Writer::trim()
{
    SQLite::Database& db = *database_;
    if (options_.keep_for && encoder_.world().sequence().value != 0) {
        Query old{db, "SELECT max(sequence) FROM keyframe WHERE time <= ?"};
        old.bind(1, to_us(encoder_.world().now() - *options_.keep_for));
        const std::int64_t keyframe =
            old.step() ? Row{old}.optional_integer(0).value_or(0) : std::int64_t{0};
        old.reset();
        if (keyframe > first_keyframe_)
            drop_up_to(keyframe);
    }
    while (options_.keep_bytes) {
        const std::int64_t pages =
            ask(db, "PRAGMA page_count").value_or(0) - ask(db, "PRAGMA freelist_count").value_or(0);
        // A tenth is kept free for the span that is being written.
        if (static_cast<std::uint64_t>(pages) * 4096 < *options_.keep_bytes / 10 * 9)
            return;
        const auto next =
            ask(db, fmt::format("SELECT min(sequence) FROM keyframe WHERE sequence > {}",
                                first_keyframe_));
        if (!next)
            return;
        drop_up_to(*next);
    }
}

void Writer::run(const std::string& sql, std::int64_t a)
{
    Query statement{*database_, sql};
    if (statement.parameters() == 1)
        statement.bind(1, a);
    statement.run();
}

/// Everything that the keyframe has taken in goes, but for what it refers to, and what a person
/// did.
void Writer::drop_up_to(std::int64_t keyframe)
{
    SQLite::Database& db = *database_;
    encoder_.forget_before(keyframe);
    const auto sequence = static_cast<std::uint64_t>(keyframe);
    const std::int64_t first_row = schema::row_id(sequence, 0);
    const std::int64_t last_row = first_row | schema::position_mask;
    const std::string kept_locks =
        fmt::format("(SELECT locks FROM keyframe_session WHERE id BETWEEN {} AND {}"
                    " AND locks IS NOT NULL)",
                    first_row, last_row);
    const std::string targets =
        fmt::format("FROM keyframe_target WHERE id BETWEEN {} AND {}", first_row, last_row);
    db.exec("BEGIN IMMEDIATE");
    run("DELETE FROM session_change WHERE id <= ?", last_row);
    run("DELETE FROM keyframe_session WHERE id < ?", first_row);
    run("DELETE FROM keyframe_target WHERE id < ?", first_row);
    run("DELETE FROM keyframe WHERE sequence < ?", keyframe);
    run("DELETE FROM minute WHERE id <= ?", last_row);
    for (const char* const table : {"sample", "gap", "tick"})
        run(fmt::format("DELETE FROM {} WHERE sequence <= ?", table), keyframe);
    run(fmt::format("DELETE FROM lock WHERE id <= ? AND id >> 20 NOT IN {}", kept_locks), last_row);
    run(fmt::format("DELETE FROM lock_report WHERE sequence <= ? AND sequence NOT IN {}",
                    kept_locks),
        keyframe);
    for (const char* const table : {"status", "facts"}) {
        run(fmt::format("DELETE FROM {0} WHERE sequence <= ? AND sequence NOT IN"
                        " (SELECT {0} {1} AND {0} IS NOT NULL)",
                        table, targets),
            keyframe);
    }
    drop_settings_up_to(keyframe);
    drop_pools_up_to(keyframe);
    run("DELETE FROM text WHERE used < ?", keyframe);
    run("DELETE FROM session WHERE used < ?", keyframe);
    run("UPDATE meta SET value = ? WHERE key = 'first_keyframe'", keyframe);
    db.exec("COMMIT");
    first_keyframe_ = keyframe;
    if (const auto time =
            ask(db, fmt::format("SELECT time FROM keyframe WHERE sequence = {}", keyframe)))
        begins_ = timestamp_from_us(*time);
    if (options_.keep_bytes && record::size_on_disk(file_) > *options_.keep_bytes)
        db.exec("PRAGMA incremental_vacuum(2000)");
}

/// The same of what servers are set to; within the same transaction.
void Writer::drop_settings_up_to(std::int64_t keyframe)
{
    const std::int64_t first_row = schema::row_id(static_cast<std::uint64_t>(keyframe), 0);
    const std::int64_t last_row = first_row | schema::position_mask;
    const std::string kept = fmt::format(
        "(SELECT settings FROM keyframe_settings WHERE id BETWEEN {} AND {})", first_row, last_row);
    run("DELETE FROM keyframe_settings WHERE id < ?", first_row);
    run(fmt::format("DELETE FROM setting WHERE id <= ? AND id >> 20 NOT IN {}", kept), last_row);
    run(fmt::format("DELETE FROM settings WHERE sequence <= ? AND sequence NOT IN {}", kept),
        keyframe);
}

/// The same of what agents told; within the same transaction.
void Writer::drop_pools_up_to(std::int64_t keyframe)
{
    const std::int64_t first_row = schema::row_id(static_cast<std::uint64_t>(keyframe), 0);
    const std::int64_t last_row = first_row | schema::position_mask;
    for (const char* const table :
         {"pool", "connection_change", "connection_close", "checkout_change", "checkout_end",
          "brief_hold", "acquire_timeout", "prepared", "pool_minute"})
        run(fmt::format("DELETE FROM {} WHERE id <= ?", table), last_row);
    for (const char* const table : {"keyframe_process", "keyframe_pool", "keyframe_connection",
                                    "keyframe_checkout", "keyframe_prepared"})
        run(fmt::format("DELETE FROM {} WHERE id < ?", table), first_row);
    run("DELETE FROM pool_sample WHERE sequence <= ?", keyframe);
    run(fmt::format("DELETE FROM agent WHERE sequence <= ? AND sequence NOT IN"
                    " (SELECT agent FROM keyframe_process WHERE id BETWEEN {} AND {}"
                    " AND agent IS NOT NULL)",
                    first_row, last_row),
        keyframe);
    run("DELETE FROM checkout WHERE used < ?", keyframe);
    forget_lists("stack", "stack_line", keyframe);
    forget_lists("property_list", "property", keyframe);
}

void Writer::forget_lists(const char* table, const char* lines, std::int64_t keyframe)
{
    Query old{*database_, fmt::format("SELECT id FROM {} WHERE used < ?", table)};
    Query forget{*database_, fmt::format("DELETE FROM {} WHERE id BETWEEN ? AND ?", lines)};
    old.bind(1, keyframe);
    while (old.step()) {
        const std::int64_t first =
            schema::row_id(static_cast<std::uint64_t>(Row{old}.integer(0)), 0);
        forget.bind(1, first);
        forget.bind(2, first | schema::position_mask);
        forget.run();
    }
    run(fmt::format("DELETE FROM {} WHERE used < ?", table), keyframe);
}

Result<Done> Writer::close()
{
    if (!database_)
        return closed();
    encoder_.finish(pending_);
    if (Result<Done> written = commit(); !written)
        return written;
    try {
        run("UPDATE meta SET value = 1 WHERE key = 'complete'", 0);
        inserts_.reset();
        const bool alone = database_->tryExec("PRAGMA journal_mode = DELETE") == SQLite::OK;
        database_.reset();
        if (!alone)
            return Error{
                fmt::format("{} is whole, but something still reads it, so that a second file "
                            "stays beside it.",
                            record::quoted(file_)),
                "Close what reads it, then open it once more, or save a copy."};
        return Done{};
    } catch (const std::exception& e) {
        Error error = record::explain(e, file_, "closed");
        if (database_ && !inserts_)
            inserts_.emplace(*database_);
        return error;
    }
}

} // namespace

Result<std::unique_ptr<RecordingWriter>> RecordingWriter::create(const std::filesystem::path& file,
                                                                 const WriterOptions& options)
{
    try {
        record::create_private(file);
    } catch (const std::exception& e) {
        return record::explain(e, file, "created");
    }
    try {
        return std::unique_ptr<RecordingWriter>{std::make_unique<Writer>(file, options)};
    } catch (const std::exception& e) {
        Error error = record::explain(e, file, "created");
        std::error_code ignored;
        for (const std::string_view suffix : {"", "-wal", "-shm", "-journal"})
            std::filesystem::remove(record::beside(file, suffix), ignored);
        return error;
    }
}

} // namespace poolscope
