// SPDX-License-Identifier: GPL-3.0-or-later
// An application in trouble: a pool on PostgreSQL, an agent, a page of metrics, and threads that
// use the pool.
//
//     incidentprocess CONNINFO "8 leak=10 timeout=30 use" "4 serve 20 200, 1 mail 3000 1000"
//
// The second argument is the pool: its size, then what else is set; "use" tells the agent of
// statements. The third is its everyday work: how many threads, of what kind (`kinds` in
// incidentwork.cpp), and two numbers for it. Says "listens URL" and "metrics URL". By lines on
// standard input, "go WORK" adds work and "calm" ends that. Says at which microsecond since 1970
// the trouble began
// ("onset N"), the first acquire had to wait ("waits N") and the first gave up ("timeout N").
#include "core/agent/agent.h"
#include "tests/scenarios/incidentwork.h"

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace poolscope;
using namespace poolscope::incident;
using namespace std::chrono_literals;
using Pool = ConnectionPool<PostgresConnection>;

void say(const std::string& line)
{
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    std::cout << line << std::endl;
}

std::string stamp(const std::string& word)
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return word + ' ' +
           std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

/// The first wait and the first timeout after the onset, for whoever measures delays.
void watch(const Shop& shop, const std::atomic<bool>& begun, const std::atomic<bool>& ending)
{
    bool waited = false;
    bool timed_out = false;
    for (; !ending; std::this_thread::sleep_for(5ms)) {
        const PoolStatistics now = shop.pool->stats();
        const bool unfit = now.circuit == CircuitState::open;
        if (begun && !waited && (now.pending > 0 || unfit))
            say(stamp("waits")), waited = true;
        if (begun && !timed_out && now.timeouts > 0)
            say(stamp("timeout")), timed_out = true;
    }
}

/// As Micrometer shows a HikariCP.
std::string page_of(const Shop& shop)
{
    const PoolStatistics now = shop.pool->stats();
    std::ostringstream page;
    const auto line = [&page](std::string_view name, double value) {
        page << "hikaricp_connections" << name << "{pool=\"shop\"} " << value << '\n';
    };
    page.precision(15);
    line("", static_cast<double>(now.total));
    line("_active", static_cast<double>(now.active));
    line("_idle", static_cast<double>(now.idle));
    line("_pending", static_cast<double>(now.pending));
    line("_max", shop.pool->config().max_connections);
    line("_timeout_total", static_cast<double>(now.timeouts));
    page << "# TYPE hikaricp_connections_usage_seconds summary\n";
    line("_usage_seconds_count", static_cast<double>(shop.uses));
    line("_usage_seconds_sum", static_cast<double>(shop.used_us) / 1e6);
    return page.str();
}

/// Answers every request with the page. Returns the port.
int serve_page(const Shop& shop)
{
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (listener < 0 || ::bind(listener, raw, size) != 0 || ::listen(listener, 8) != 0 ||
        ::getsockname(listener, raw, &size) != 0)
        return 0;
    std::thread([&shop, listener] {
        for (int client = ::accept(listener, nullptr, nullptr); client >= 0;
             client = ::accept(listener, nullptr, nullptr)) {
            std::array<char, 4096> request{};
            if (::recv(client, request.data(), request.size(), 0) > 0) {
                const std::string page = page_of(shop);
                const std::string answer =
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                    "Connection: close\r\nContent-Length: " +
                    std::to_string(page.size()) + "\r\n\r\n" + page;
                static_cast<void>(::send(client, answer.data(), answer.size(), MSG_NOSIGNAL));
            }
            ::close(client);
        }
    }).detach(); // until the process ends
    return ntohs(address.sin_port);
}

bool configure(PoolConfig& config, Shop& shop, const std::string& words)
{
    std::istringstream in(words);
    if (!(in >> config.max_connections))
        return false;
    for (std::string word; in >> word;) {
        const std::string_view all = word;
        const std::size_t is = all.find('=');
        int value = 0;
        if (is != std::string_view::npos)
            std::from_chars(all.data() + is + 1, all.data() + all.size(), value);
        if (word == "use")
            shop.tells_use = true;
        else if (all.starts_with("leak=")) {
            config.leak_detection = true;
            config.leak_threshold = std::chrono::seconds(value);
        } else if (all.starts_with("timeout="))
            config.acquire_timeout = std::chrono::seconds(value);
        else
            return false;
    }
    return true;
}

int live(const std::string& conninfo, const std::string& pool, const std::string& work)
{
    Shop shop;
    shop.conninfo = conninfo;
    PostgresFactory factory(conninfo);
    PoolConfig config;
    config.name = "shop";
    config.database = factory.address();
    if (!configure(config, shop, pool))
        return 1;
    AgentOptions options;
    options.name = "shop-api";
    auto agent = Agent::start(std::move(options));
    if (!agent) {
        std::cerr << agent.error().sentence << std::endl;
        return 2;
    }
    shop.pool = std::make_unique<Pool>(config, std::move(factory));
    agent.value()->add(shop.pool->control());
    say("listens " + agent.value()->address());
    say("metrics prometheus+http://127.0.0.1:" + std::to_string(serve_page(shop)) + "/metrics");
    std::atomic<bool> begun{false}, ending{false};
    Crew everyday(shop), trouble(shop);
    if (!everyday.add(work)) {
        std::cerr << "not readable: " << work << std::endl;
        ::_exit(1);
    }
    std::thread watcher([&] { watch(shop, begun, ending); });
    for (std::string line; std::getline(std::cin, line);) {
        if (line.starts_with("go")) {
            say(stamp("onset"));
            begun = true;
            if (!trouble.add(line.substr(std::min<std::size_t>(3, line.size()))))
                say("not readable: " + line);
        } else if (line == "calm") {
            trouble.let_end();
            shop.external = 0;
            {
                const std::lock_guard lock(shop.mutex);
                shop.forgotten.clear();
                for (PGconn* const each : shop.unpooled)
                    PQfinish(each);
                shop.unpooled.clear();
            }
            say(stamp("calm"));
        }
    }
    // What hangs in a statement would hold this up; all of it goes with the process.
    agent.value()->remove(shop.pool->control());
    std::cout.flush();
    ::_exit(0);
}

} // namespace

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN);
    return argc == 4 ? live(argv[1], argv[2], argv[3]) : 1;
}
