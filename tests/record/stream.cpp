// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/record/stream.h"

#include "core/base/bounds.h"

#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <unistd.h>

namespace poolscope::test {

namespace {
// 2026-11-21T14:28:40Z
constexpr Timestamp begin = timestamp_from_us(1'795'271'320'000'000);
} // namespace

Stream::Stream(std::uint32_t seed, const Shape& shape)
    : shape_(shape)
    , random_(seed)
    , now_(begin)
    , due_(-shape.targets - shape.processes)
{
    for (int i = 1; i <= shape.processes; ++i) {
        const TargetId target{static_cast<std::uint32_t>(shape.targets + i)};
        processes_.try_emplace(target, target,
                               PoolStream::Shape{shape.checkouts, shape.changing, shape.full,
                                                 shape.odd, shape.version},
                               random_, texts_);
    }
}

int Stream::below(int limit)
{
    return static_cast<int>(random_() % static_cast<std::uint32_t>(limit));
}

bool Stream::chance(double probability)
{
    return static_cast<double>(random_()) < probability * 4294967295.0;
}

std::string Stream::word(const char* prefix, int different)
{
    return prefix + std::to_string(below(different));
}

Timestamp Stream::server_time()
{
    return now_ - Duration{below(100'000'000)};
}

Session Stream::fresh(TargetId target)
{
    Session s;
    s.key = {target, Pid{next_pid_++}, server_time()};
    if (shape_.odd && chance(0.05))
        s.key.started = Timestamp{};
    s.user = text(word("user", 5));
    s.database = text(word("shop", 3));
    if (!chance(0.1))
        s.client =
            text("10.0.0." + std::to_string(below(200)) + ":" + std::to_string(below(65536)));
    s.backend_type = text(chance(0.1) ? "autovacuum worker" : "client backend");
    if (chance(0.1))
        s.backend_type = Text{};
    s.own = chance(0.02);
    change(s);
    return s;
}

void Stream::change(Session& s)
{
    s.state = static_cast<SessionState>(below(static_cast<int>(session_state_count)));
    s.application = chance(0.05) ? Text{} : text(word("app", 8));
    if (chance(0.02))
        s.application = Text{std::string{}};
    s.state_since = now_ - Duration{below(1'500'000)};
    s.transaction_since.reset();
    if (chance(0.5))
        s.transaction_since = *s.state_since - Duration{below(5'000'000)};
    s.statement_since.reset();
    if (chance(0.9))
        s.statement_since = chance(0.5) ? *s.state_since : server_time();
    if (chance(0.05))
        s.state_since.reset();
    s.wait_event = chance(0.7) ? Text{} : text(word("Lock/transactionid", 3));
    s.blocked_by.clear();
    if (chance(0.1)) {
        s.blocked_by.push_back(Pid{below(2)});
        s.blocked_by.push_back(Pid{1000 + below(50)});
    }
    s.xid.reset();
    s.xmin.reset();
    if (chance(0.3))
        s.xid = static_cast<std::uint32_t>(random_());
    if (chance(0.3))
        s.xmin = static_cast<std::uint32_t>(random_());
    s.statement = chance(0.05) ? Text{} : text(word("SELECT * FROM item WHERE id = ", 500));
    if (shape_.odd && chance(0.02)) {
        // As far as a source lets an instant go.
        s.transaction_since = timestamp_from_us(-farthest_us);
        s.statement_since = timestamp_from_us(farthest_us);
        s.blocked_by = {Pid{std::numeric_limits<std::int64_t>::min()}};
        s.statement = Text{std::string(3000, 'x') + "\n\t\xE2\x82\xAC '"};
    }
}

ServerSample Stream::sample(TargetId target)
{
    std::map<Pid, Session>& alive = sessions_[target];
    ServerSample sample;
    sample.full = alive.empty() || chance(shape_.full);
    sample.clock_offset = Duration{below(2000) - 1000};
    if (!chance(0.1))
        sample.next_xid = shape_.odd && chance(0.1) ? ~std::uint64_t{0} : random_();
    sample.poll_cost = Duration{below(5000)};
    for (auto it = alive.begin(); it != alive.end();) {
        if (chance(shape_.changing * 0.1)) {
            if (!sample.full)
                sample.gone.push_back(it->first == it->second.key.pid ? it->second.key
                                                                      : SessionKey{});
            it = alive.erase(it);
            continue;
        }
        if (chance(shape_.changing)) {
            // Sometimes the server gives the pid to another session at once.
            if (chance(0.02)) {
                const Pid pid = it->first;
                it->second = fresh(target);
                it->second.key.pid = pid;
            }
            change(it->second);
            if (!sample.full)
                sample.changed.push_back(it->second);
        }
        ++it;
    }
    while (alive.size() < static_cast<std::size_t>(shape_.sessions)) {
        const Session session = fresh(target);
        alive.emplace(session.key.pid, session);
        if (!sample.full)
            sample.changed.push_back(session);
    }
    if (sample.full) {
        for (const auto& [pid, session] : alive)
            sample.changed.push_back(session);
    }
    if (shape_.odd && !sample.full && chance(0.02))
        sample.gone.push_back({target, Pid{9'000'000}, now_});
    return sample;
}

ServerSettings Stream::settings()
{
    ServerSettings told;
    told.complete = chance(0.8);
    if (shape_.odd && chance(0.1))
        return told;
    told.all = {{SettingScope::server, "", "max_connections", std::to_string(100 + below(50)), ""},
                {SettingScope::server, "", "statement_timeout", std::to_string(below(3)), "ms"}};
    for (int i = below(3); i > 0; --i)
        told.all.push_back({SettingScope::role, word("role \xE2\x82\xAC", 4),
                            std::string{connection_limit}, std::to_string(below(20)), ""});
    if (chance(0.5))
        told.all.push_back({SettingScope::database, word("shop", 3), std::string{connection_limit},
                            std::to_string(below(20)), ""});
    return told;
}

Fact Stream::event(TargetId target)
{
    const auto someone = [&] {
        const std::map<Pid, Session>& alive = sessions_[target];
        if (alive.empty() || (shape_.odd && chance(0.1)))
            return SessionKey{target, Pid{77}, begin};
        auto it = alive.begin();
        std::advance(it, below(static_cast<int>(alive.size())));
        return it->second.key;
    };
    switch (below(shape_.version >= 5 ? 12 : shape_.version >= 4 ? 11 : 8)) {
    case 0: {
        TargetStatus status{static_cast<Reach>(below(4)), word("reason ", 5), word("try ", 2), {}};
        if (chance(0.5))
            status.next_try = now_ + std::chrono::seconds{5};
        return StatusChanged{status};
    }
    case 1: {
        ServerFacts facts;
        facts.version = "15.8 (Debian)";
        facts.version_number = 150008;
        if (chance(0.8))
            facts.max_connections = 100 + below(50);
        if (chance(0.8))
            facts.reserved = below(5);
        facts.role = word("dba", 2);
        facts.superuser = chance(0.5);
        facts.in_recovery = chance(0.5);
        facts.sees_all = chance(0.5);
        facts.can_signal = chance(0.5);
        facts.missing_grant = chance(0.5) ? "GRANT pg_monitor TO dba;" : "";
        facts.tls = chance(0.5);
        if (chance(0.5))
            facts.server_started = begin;
        return FactsReported{facts};
    }
    case 2:
    case 3: {
        LocksReported report{someone(), {}};
        for (int i = below(4); i > 0; --i)
            report.locks.push_back(
                {word("relation", 2), word("public.item", 4), "RowExclusiveLock", chance(0.8)});
        return report;
    }
    case 4:
        return Gap{word("no answer ", 3)};
    case 5: {
        if (chance(0.4))
            ++next_action_;
        return ActionReported{ActionId{next_action_}, static_cast<ActionVerb>(below(2)), someone(),
                              static_cast<ActionPhase>(below(6)), word("subject ", 9)};
    }
    case 6:
        return Note{word("a note \xE2\x80\x9Cquoted\xE2\x80\x9D ", 100), {}};
    case 11: // now and then of later, which no world believes
        return Note{word("about an earlier moment ", 100),
                    now_ - std::chrono::seconds{below(600) - 20}};
    case 8:
        return SettingsReported{settings()};
    case 9:
        return AlertRulesChanged{chance(0.3) ? std::string{}
                                             : "[[rule]]\nname = \"" + word("rule-", 5) +
                                                   "\"\nmeasure = \"pending\"\nat_least = 1\n"};
    case 10: {
        AlertAnswered answered;
        if (chance(0.7))
            answered.pool = texts_.intern(word("pool-", 3));
        answered.rule = word("rule-", 5);
        answered.answer = static_cast<AlertAnswer>(below(3));
        answered.until = begin + std::chrono::seconds{below(100'000)};
        return answered;
    }
    default: {
        ThresholdsChanged choice{
            {std::chrono::seconds{1 + below(60)}, std::chrono::seconds{100 + below(60)}}};
        if (shape_.version >= 3) {
            if (chance(0.5))
                choice.pool = texts_.intern(word("pool-", 3));
            choice.revoked = chance(0.3);
            if (choice.revoked)
                choice.thresholds = {};
        }
        return choice;
    }
    }
}

Fact Stream::process_event(PoolStream& process)
{
    switch (below(6)) {
    case 0:
    case 1:
        return AgentReported{process.agent()};
    case 2:
        return Gap{word("no answer ", 3)};
    case 3:
        return StatusChanged{{Reach::failing, word("reason ", 5), word("try ", 2), {}}};
    default: {
        if (chance(0.4))
            ++next_action_;
        return ActionReported{
            ActionId{next_action_}, ActionVerb::reclaim, {}, static_cast<ActionPhase>(below(6)),
            word("subject ", 9),    process.someone()};
    }
    }
}

Observation Stream::next()
{
    Observation o;
    o.sequence = SequenceNumber{++sequence_};
    if (due_ < 0) {
        const auto number = static_cast<std::uint32_t>(shape_.targets + shape_.processes + ++due_);
        o.time = now_;
        o.target = TargetId{number};
        if (processes_.contains(o.target)) {
            const std::string process = "shop-api-" + std::to_string(number);
            o.what = TargetAttached{{o.target, "pool", process, "pool://" + process}};
            return o;
        }
        const std::string name = number == 1 ? "shop-db" : "billing-db";
        o.what = TargetAttached{
            {o.target, "postgresql", name, "postgresql://" + name + ".example/shop"}};
        return o;
    }
    now_ += Duration{50'000 + below(1000)};
    o.time = now_;
    const TargetId target{static_cast<std::uint32_t>(1 + below(shape_.targets))};
    if (shape_.events && chance(0.15)) {
        o.what = event(target);
        const bool common = std::holds_alternative<Note>(o.what) ||
                            std::holds_alternative<ThresholdsChanged>(o.what);
        o.target = common && chance(0.5) ? TargetId{0} : target;
        if (shape_.odd && chance(0.03))
            o.target = TargetId{4'000'000'000U};
        return o;
    }
    if (shape_.events && shape_.processes > 0 && chance(0.08)) {
        const auto process = std::next(processes_.begin(), below(shape_.processes));
        o.what = process_event(process->second);
        o.target = process->first;
        if (shape_.odd && chance(0.03))
            o.target = TargetId{4'000'000'000U};
        return o;
    }
    if (due_ == 0) {
        now_ += std::chrono::milliseconds{900};
        o.time = now_;
        o.what = Tick{};
        if (shape_.odd && chance(0.02))
            o.target = target;
    } else {
        o.target = TargetId{static_cast<std::uint32_t>(due_)};
        const auto process = processes_.find(o.target);
        if (process == processes_.end())
            o.what = sample(o.target);
        else
            o.what = process->second.sample(o.time);
        if (shape_.odd && process != processes_.end() && chance(0.02))
            o.target = TargetId{4'000'000'000U};
    }
    due_ = (due_ + 1) % (shape_.targets + shape_.processes + 1);
    return o;
}

std::vector<Observation> Stream::take(std::size_t count)
{
    std::vector<Observation> all;
    all.reserve(count);
    while (all.size() < count)
        all.push_back(next());
    return all;
}

Folder::Folder()
{
    std::string pattern =
        (std::filesystem::temp_directory_path() / "poolscope-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
        throw std::runtime_error("no temporary folder");
    path_ = pattern;
}

Folder::~Folder()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::vector<Observation> golden_observations(int version)
{
    if (version == 1)
        return Stream{2026, {2, 12, 0.2, true, false, 0.02, 0, 0, 1}}.take(500);
    if (version == 2)
        return Stream{2027, {1, 8, 0.2, true, false, 0.02, 1, 6, 2}}.take(400);
    if (version == 3)
        return Stream{2028, {1, 8, 0.2, true, false, 0.02, 1, 6, 3}}.take(400);
    if (version == 4)
        return Stream{2033, {1, 8, 0.2, true, false, 0.02, 1, 6, 4}}.take(400);
    return Stream{2037, {1, 8, 0.2, true, false, 0.02, 1, 6, 5}}.take(400);
}

WriterOptions golden_options(int version)
{
    return keyframes_every(std::chrono::seconds{version == 1 ? 60 : 20});
}

WriterOptions keyframes_every(Duration every)
{
    WriterOptions options;
    options.keyframe_every = every;
    return options;
}

std::string record_all(const std::filesystem::path& file,
                       const std::vector<Observation>& observations, const WriterOptions& options,
                       bool close)
{
    auto writer = RecordingWriter::create(file, options);
    if (!writer)
        return writer.error().sentence;
    Timestamp committed;
    for (const Observation& o : observations) {
        if (auto done = writer.value()->append(o); !done)
            return done.error().sentence;
        if (o.time - committed > std::chrono::seconds{1}) {
            if (auto done = writer.value()->commit(); !done)
                return done.error().sentence;
            committed = o.time;
        }
    }
    const auto done = close ? writer.value()->close() : writer.value()->commit();
    return done ? std::string{} : done.error().sentence;
}

std::vector<Observation> read_all(RecordingReader& reader, SequenceNumber after, std::string* error)
{
    std::vector<Observation> all;
    const auto done = reader.read(after, [&](const Observation& o) {
        all.push_back(o);
        return true;
    });
    if (!done && error)
        *error = done.error().sentence;
    return all;
}

std::vector<Observation> read_file(const std::filesystem::path& file, std::string* error)
{
    const auto reader = RecordingReader::open(file);
    if (!reader) {
        if (error)
            *error = reader.error().sentence;
        return {};
    }
    return read_all(*reader.value(), {}, error);
}

std::size_t files_in(const std::filesystem::path& folder)
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{folder})
        ++count;
    return count;
}

} // namespace poolscope::test
