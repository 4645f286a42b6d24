// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/analyze/causewords.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace poolscope::test {

/// What is attached in a scene.
struct SceneSources
{
    bool agent = false;   ///< lists checkouts
    bool use = false;     ///< and says when one is busy
    bool server = false;  ///< the database
    bool metrics = false; ///< figures alone
    bool mysql = false;   ///< that database is MySQL
    int version = 0;      ///< of that database, as 90624; 0: not told
};

/// An application's pool "shop" and its server, moved second by second by hand, told through
/// whatever is attached. Begins at start(), all clocks agree but for a known offset.
class IncidentScene
{
public:
    enum class Does { working, idle, open, blocked };
    struct Held
    {
        std::string id;
        int line = 0;
        int caller = 0; ///< a line that called that one; 0: none was seen
        Timestamp since;
        Does does = Does::working;
        Timestamp does_since;
        int connection = 0;
        std::string statement;
        std::string wait_event{}; ///< as its server says it
    };

    static Timestamp start() { return timestamp_from_us(1'795'270'000'000'000); }
    static constexpr Duration process_offset = std::chrono::milliseconds{12};
    static constexpr Duration server_offset = std::chrono::milliseconds{-25};

    explicit IncidentScene(SceneSources sources, Duration opened = std::chrono::minutes{30})
        : sources_(sources)
        , opened_before(opened)
    {
        using std::chrono::seconds;
        if (sources_.agent) {
            observe(TargetAttached{{process, "pool", "shop-api", "pool+unix:///run/shop.sock"}},
                    process);
            observe(StatusChanged{{Reach::up, {}, {}, {}}}, process);
            AgentFacts facts;
            facts.process = "shop-api";
            facts.can = {"connections", "stacks", "stats", "use_time", "pending", "timeouts"};
            if (sources_.server)
                facts.can.insert(facts.can.end(), {"server_pid", "local_port"});
            if (sources_.use)
                facts.can.emplace_back("use");
            observe(AgentReported{facts}, process);
        }
        if (sources_.metrics) {
            observe(TargetAttached{{process, "metrics", "shop-api", "prometheus+http://shop/"}},
                    process);
            observe(StatusChanged{{Reach::up, {}, {}, {}}}, process);
        }
        if (sources_.server) {
            observe(TargetAttached{{database, sources_.mysql ? "mysql" : "postgresql", "shop-db",
                                    sources_.mysql ? "mysql://db/shop" : "postgresql://db/shop"}},
                    database);
            observe(StatusChanged{{Reach::up, {}, {}, {}}}, database);
            ServerFacts facts;
            facts.max_connections = 100;
            facts.reserved = 3;
            facts.sees_all = true;
            facts.version_number = sources_.version;
            observe(FactsReported{facts}, database);
        }
        for (int i = 0; i < max; ++i)
            connect();
    }

    static constexpr TargetId process{1};
    static constexpr TargetId database{2};

    Timestamp now() const { return now_; }

    void connect()
    {
        PoolConnection c;
        c.key = {Text{"shop"}, Text{"k-" + std::to_string(100 + next_connection_)}};
        c.opened = theirs() - opened_before;
        if (sources_.server) {
            c.server_pid = 5000 + next_connection_;
            c.local_port = static_cast<std::uint16_t>(41000 + next_connection_);
        }
        connections_[next_connection_++] = c;
    }
    void disconnect(int connection)
    {
        closed_.push_back(connections_.at(connection).key);
        connections_.erase(connection);
    }

    std::string lend(int line, Does does, std::string statement = "SELECT 1")
    {
        Held held;
        held.id = "c-" + std::to_string(++serial_);
        held.line = line;
        held.since = held.does_since = now_;
        held.does = does;
        held.statement = std::move(statement);
        held.connection = free_connection();
        held_.push_back(held);
        return held.id;
    }
    Held& held(const std::string& id)
    {
        return *std::find_if(held_.begin(), held_.end(), [&](auto& h) { return h.id == id; });
    }
    std::size_t lent() const { return held_.size(); }
    const std::vector<Held>& all_held() const { return held_; }
    std::vector<Held>& all_held() { return held_; }
    void give_back(const std::string& id)
    {
        const auto at =
            std::find_if(held_.begin(), held_.end(), [&](auto& h) { return h.id == id; });
        ++returned_;
        returned_for_ += now_ - at->since;
        if (listed_.contains(id))
            ended_.push_back({Text{id}, theirs()});
        else
            brief(at->line, 1, now_ - at->since, false);
        held_.erase(at);
    }
    /// Came and went between two samples.
    void brief(int line, std::uint64_t count, Duration each, bool counts = true)
    {
        BriefHolds& sum = brief_[line];
        sum.pool = Text{"shop"};
        sum.stack = stack(line);
        sum.count += count;
        sum.held += each * static_cast<std::int64_t>(count);
        sum.longest = std::max(sum.longest, each);
        if (!counts)
            return;
        returned_ += count;
        returned_for_ += each * static_cast<std::int64_t>(count);
    }
    /// Another session of the server, of its own.
    void session(std::int64_t pid, SessionState state, const std::string& application = "shop",
                 const std::string& client = {}, Duration age = std::chrono::minutes{10})
    {
        Session s;
        s.key = {database, Pid{pid}, now_ + server_offset - age};
        s.backend_type = Text{"client backend"};
        s.application = Text{application};
        s.user = Text{"shop"};
        s.client = Text{client.empty() ? "10.0.0.5:" + std::to_string(20000 + pid) : client};
        s.state = state;
        s.state_since = s.statement_since = now_ + server_offset;
        others_[pid] = s;
    }
    std::map<std::int64_t, Session>& others() { return others_; }
    void block(const std::string& id, std::int64_t by)
    {
        Held& h = held(id);
        h.does = Does::blocked;
        h.does_since = now_;
        blocked_by_[h.connection] = by;
    }
    void answers(bool yes)
    {
        server_up_ = yes;
        TargetStatus status;
        status.reach = yes ? Reach::up : Reach::failing;
        status.sentence = yes ? "" : "Nobody listens at db:5432.";
        if (!sources_.server)
            return;
        if (!yes)
            observe(Gap{"No answer."}, database);
        observe(StatusChanged{status}, database);
    }

    /// A pool that has only just been made has no past of its own.
    void just_made()
    {
        returned_ = 0;
        returned_for_ = Duration{0};
    }
    /// Half a second passes, and only the server is read.
    void server_alone()
    {
        now_ += std::chrono::milliseconds{500};
        sample_server();
        observe(Tick{}, TargetId{0});
    }

    /// A second passes, then everything attached is read.
    void second()
    {
        now_ += std::chrono::seconds{1};
        if (sources_.server && server_up_)
            sample_server();
        if (sources_.agent || (sources_.metrics && seconds_ % 5 == 0))
            sample_pool();
        ++seconds_;
        observe(Tick{}, TargetId{0});
    }
    void run(int seconds, const std::function<void(int)>& each)
    {
        for (int i = 0; i < seconds; ++i) {
            each(i);
            second();
        }
    }

    const Diagnosis* of_pool() const { return of(process); }
    const Diagnosis* of_server() const { return of(database); }
    const Diagnosis* of(TargetId target) const
    {
        for (const Diagnosis& d : analysis.diagnoses()) {
            if (d.target == target) {
                eachOnce(d);
                return &d;
            }
        }
        return nullptr;
    }
    /// No candidate is named twice.
    static void eachOnce(const Diagnosis& d)
    {
        const std::size_t list = d.sentence.find("what is attached: ");
        for (const Cause candidate : d.candidates) {
            const std::string name{in_words(candidate)};
            const std::size_t first = d.sentence.find(name, list);
            if (list != std::string::npos && first != std::string::npos &&
                d.sentence.find(name, first + 1) != std::string::npos)
                qFatal("named twice: %s", d.sentence.c_str());
        }
    }

    static StackRef stack(int line, int caller = 0)
    {
        std::vector<StackLine> lines{{Text{"shop::serve"}, Text{"/src/shop.cpp"}, line, true}};
        if (caller > 0)
            lines.push_back({Text{"shop::route"}, Text{"/src/routes.cpp"}, caller, true});
        return make_stack(std::move(lines));
    }

    void observe(Fact fact, TargetId of)
    {
        observations.push_back(
            {SequenceNumber{observations.size() + 1}, now_, of, std::move(fact)});
        WorldDelta ignored;
        analysis.apply(observations.back(), ignored);
        for (Mark& mark : analysis.take_marks())
            marks.push_back(std::move(mark));
    }

private:
    SceneSources sources_;

public:
    std::int64_t max = 10;
    std::int64_t pending = 0;
    std::int64_t total = -1; ///< -1: as many as there are connections
    std::uint64_t timeouts = 0;
    std::size_t unlisted = 0; ///< so many that are out have changed hands since they were listed
    std::string kind;         ///< of the pool; empty: as what is attached has it
    Text address;             ///< of the pool's database; null: not told
    std::string acquired_by, thread; ///< of every checkout, as its tags
    std::vector<std::pair<Text, Text>> tags;
    std::vector<std::pair<std::string, std::string>> configuration; ///< of the pool
    std::string role = "shop";                                      ///< of its sessions
    std::string session_database{};                                 ///< of them; empty: not told
    Duration opened_before;
    Analysis analysis;
    std::vector<Observation> observations;
    std::vector<Mark> marks;

private:
    Timestamp theirs() const { return now_ + process_offset; }

    int free_connection() const
    {
        for (const auto& [number, connection] : connections_) {
            const bool taken = std::any_of(held_.begin(), held_.end(), [number = number](auto& h) {
                return h.connection == number;
            });
            if (!taken)
                return number;
        }
        return 0;
    }

    void sample_server()
    {
        ServerSample sample;
        sample.full = true;
        sample.clock_offset = server_offset;
        for (const auto& [number, connection] : connections_) {
            Session s;
            s.key = {database, Pid{5000 + number}, start() + server_offset - opened_before};
            s.backend_type = Text{"client backend"};
            s.application = Text{"shop"};
            s.user = Text{role};
            if (!session_database.empty())
                s.database = Text{session_database};
            s.client = Text{"10.0.0.5:" + std::to_string(41000 + number)};
            s.state = SessionState::idle;
            s.state_since = now_ + server_offset;
            for (const Held& h : held_) {
                if (h.connection != number)
                    continue;
                s.state = h.does == Does::working   ? SessionState::active
                          : h.does == Does::blocked ? SessionState::waiting
                          : h.does == Does::open    ? SessionState::idle_in_transaction
                                                    : SessionState::idle;
                s.state_since = s.statement_since = h.does_since + server_offset;
                s.statement = Text{h.statement};
                if (!h.wait_event.empty())
                    s.wait_event = Text{h.wait_event};
                if (h.does == Does::blocked && blocked_by_.contains(number))
                    s.blocked_by = {Pid{blocked_by_.at(number)}};
            }
            sample.changed.push_back(s);
        }
        for (const auto& [pid, session] : others_)
            sample.changed.push_back(session);
        std::sort(sample.changed.begin(), sample.changed.end(),
                  [](const Session& a, const Session& b) { return a.key < b.key; });
        observe(std::move(sample), database);
    }

    Pool figures() const
    {
        Pool p;
        p.name = Text{"shop"};
        p.kind = Text{!kind.empty() ? kind : sources_.metrics ? "hikaricp" : "poolscope"};
        p.used = static_cast<std::int64_t>(held_.size());
        p.max = max;
        p.pending = pending;
        p.total = total >= 0 ? total : static_cast<std::int64_t>(connections_.size());
        p.idle = *p.total - *p.used;
        p.database = address;
        p.timeouts = timeouts;
        p.configuration = configuration;
        p.use_time = DurationSummary{returned_, returned_for_, {}, {}};
        return p;
    }

    void sample_pool()
    {
        PoolSample sample;
        sample.full = seconds_ == 0;
        sample.clock_offset = process_offset;
        sample.pools = {figures()};
        if (sources_.agent) {
            if (sample.full) {
                for (const auto& [number, connection] : connections_)
                    sample.opened.push_back(connection);
            }
            sample.closed = std::exchange(closed_, {});
            const auto first = held_.begin() + static_cast<std::ptrdiff_t>(unlisted);
            for (auto h = first; h < held_.end(); ++h)
                sample.changed.push_back(checkout(*h));
            std::sort(sample.changed.begin(), sample.changed.end(),
                      [](const Checkout& a, const Checkout& b) { return a.key < b.key; });
            listed_.clear();
            for (auto h = first; h < held_.end(); ++h)
                listed_[h->id] = true;
            sample.ended = ended_;
            std::sort(sample.ended.begin(), sample.ended.end(),
                      [](const auto& a, const auto& b) { return a.id < b.id; });
            for (const auto& [line, sum] : brief_)
                sample.brief.push_back(sum);
        }
        ended_.clear();
        brief_.clear();
        observe(std::move(sample), process);
    }

    Checkout checkout(const Held& h) const
    {
        Checkout c;
        c.key = {process, Text{h.id}};
        c.pool = Text{"shop"};
        c.acquired = h.since + process_offset;
        c.stack = stack(h.line, h.caller);
        c.acquired_by = Text{acquired_by};
        c.thread = Text{thread};
        c.tags = tags;
        const PoolConnection& connection = connections_.at(h.connection);
        c.connection = connection.key.id;
        c.server_pid = connection.server_pid;
        c.local_port = connection.local_port;
        if (sources_.use) {
            c.busy = h.does == Does::working || h.does == Does::blocked;
            c.busy_since = h.does_since + process_offset;
            c.statement = Text{h.statement};
        }
        return c;
    }

    Timestamp now_ = start();
    int seconds_ = 0;
    int serial_ = 10000;
    int next_connection_ = 1;
    bool server_up_ = true;
    std::map<int, PoolConnection> connections_;
    std::vector<ConnectionKey> closed_;
    std::vector<Held> held_;
    std::map<std::string, bool> listed_;
    std::vector<CheckoutEnd> ended_;
    std::map<int, BriefHolds> brief_;
    std::map<std::int64_t, Session> others_;
    std::map<int, std::int64_t> blocked_by_;
    std::uint64_t returned_ = 1000;
    Duration returned_for_ = std::chrono::milliseconds{1000 * 48};
};

/// All that a diagnosis has as evidence, a sentence a line.
inline std::string evidence(const Diagnosis* d)
{
    std::string all;
    for (const DiagnosisEvidence& each : d->evidence)
        all += each.sentence + '\n';
    return all;
}

inline bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

} // namespace poolscope::test
