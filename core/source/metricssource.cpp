// SPDX-License-Identifier: GPL-3.0-or-later
// Asking for the page and reading it; metricsfleet.cpp has what a query API needs beside
// it, metricstrouble.cpp what may go wrong on the way.
#include "core/source/metricssource.h"

#include "core/source/metricsexpvar.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

constexpr auto longestPage = static_cast<qint64>(MetricsReader::max_page);
/// What exporters compute from a clock of their own jitters.
constexpr double startJitter = 2; // seconds
const QByteArray jsonTypes("application/json");
const QByteArray textTypes("text/plain;version=0.0.4, "
                           "application/openmetrics-text;version=1.0.0;q=0.8, */*;q=0.1");

bool isMetricsType(const QString& type, MetricsAddress::Format format)
{
    if (type.isEmpty())
        return true;
    if (format != MetricsAddress::Format::text)
        return type.endsWith(QLatin1String("json"));
    return type == QLatin1String("text/plain") ||
           type == QLatin1String("application/openmetrics-text");
}

std::string joined(const std::vector<std::string>& words)
{
    std::string all;
    for (const std::string& word : words)
        all += (all.empty() ? "" : ", ") + word;
    return all;
}

} // namespace

MetricsSource::MetricsSource(TargetId id, const AttachRequest& request,
                             const MetricsAddress& address)
    : address_(address)
    , sshHost_(request.sshHost)
    , secret_(request.password.isEmpty() ? address.password : request.password)
    , secretAtHand_(request.secretAtHand && address.user.isEmpty()
                        ? QString::fromLocal8Bit(qgetenv("POOLSCOPE_METRICS_TOKEN"))
                        : QString())
{
    address_.password.clear();
    if (address_.format == MetricsAddress::Format::query)
        fleet_.emplace(address_.url);
    info_.id = id;
    info_.kind = "metrics";
    info_.name = plain_line(address.label().toStdString(), 64);
    info_.url = plain_line(address_.shown().toStdString(), 4096);
    setInterval(request.interval);
    retry_.setSingleShot(true);
    poll_.setSingleShot(true);
    connect(&retry_, &QTimer::timeout, this, &MetricsSource::reach);
    connect(&poll_, &QTimer::timeout, this, &MetricsSource::reach);
    connect(&fetch_, &MetricsFetch::done, this, &MetricsSource::fetched);
    connect(&tunnel_, &SshTunnel::ready, this, &MetricsSource::ask);
    connect(&tunnel_, &SshTunnel::failed, this, &MetricsSource::tunnelFailed);
}

MetricsSource::~MetricsSource() = default;

std::string MetricsSource::where() const
{
    return plain_line(address_.label().toStdString(), 256);
}

void MetricsSource::start()
{
    if (started_)
        return;
    started_ = true;
    wasUp_ = false;
    failures_ = 0;
    teller_.begin();
    teller_.status(Reach::connecting, {});
    reach();
}

void MetricsSource::stop()
{
    started_ = false;
    phase_ = Phase::stopped;
    retry_.stop();
    poll_.stop();
    fetch_.cancel();
    tunnel_.stop();
    page_.reset();
    told_.clear();
    teller_.forgetSample();
}

void MetricsSource::reach()
{
    if (!started_ || phase_ == Phase::fetching)
        return;
    retry_.stop();
    poll_.stop();
    phase_ = Phase::fetching;
    begun_ = std::chrono::steady_clock::now();
    took_ = {};
    beginPoll();
    if (sshHost_.isEmpty() || tunnel_.isReady())
        ask();
    else
        tunnel_.start(sshHost_, address_.label(), timings_.tunnel);
}

/// Whether ssh leads to that very host, and not to one from which the rest is in the clear.
bool MetricsSource::isHostOfSsh(const QString& host) const
{
    QString there = sshHost_.section(QLatin1Char('@'), -1);
    if (there.count(QLatin1Char(':')) == 1)
        there = there.section(QLatin1Char(':'), 0, 0);
    return !there.isEmpty() && there.compare(host, Qt::CaseInsensitive) == 0;
}

/// Null: it would travel in the clear.
std::optional<QByteArray> MetricsSource::authorization() const
{
    const bool safe = asked_.scheme() == QLatin1String("https") || address_.isLoopback() ||
                      isHostOfSsh(address_.url.host());
    const QString& secret = secret_.isEmpty() && safe ? secretAtHand_ : secret_;
    if (secret.isEmpty())
        return QByteArray();
    if (!safe)
        return {};
    if (address_.user.isEmpty())
        return "Bearer " + secret.toUtf8();
    return "Basic " + (address_.user + QLatin1Char(':') + secret).toUtf8().toBase64();
}

void MetricsSource::fetch(const QUrl& url)
{
    if (!started_ || phase_ != Phase::fetching)
        return;
    if (!sshHost_.isEmpty() && !tunnel_.isReady()) { // never past the tunnel
        failed({Trouble::Kind::transient, "The tunnel to " + where() + " has broken.",
                "Poolscope opens it again."});
        return;
    }
    asked_ = url;
    MetricsFetch::Request request;
    request.url = url;
    request.limit = timings_.answer;
    request.longest = longestPage;
    const bool text = address_.format == MetricsAddress::Format::text;
    request.accept = text ? textTypes : jsonTypes;
    const std::optional<QByteArray> header = authorization();
    if (!header || header->contains('\n') || header->contains('\r')) {
        failed({Trouble::Kind::persistent,
                header ? "The token has a line break in it."
                       : "To " + where() + " the token or password would travel in the clear.",
                header ? "Give the token as one line."
                       : "Use https, or let ssh lead to that very host (--ssh HOST)."});
        return;
    }
    request.authorization = *header;
    if (tunnel_.isReady()) {
        request.host = url.host();
        request.hostHeader = address_.label().toUtf8();
        request.url.setHost(QStringLiteral("127.0.0.1"));
        request.url.setPort(tunnel_.port());
    }
    page_.emplace();
    fetch_.start(request, [this, text](const QByteArray& piece) {
        const std::string_view bytes(piece.constData(), static_cast<std::size_t>(piece.size()));
        if (fleet_)
            fleet_->piece(bytes);
        else if (text)
            page_->reader.feed(bytes, page_->pools);
        else
            page_->json += bytes;
    });
}

void MetricsSource::fetched(const MetricsFetch::Outcome& outcome)
{
    if (!started_ || phase_ != Phase::fetching)
        return;
    took_ += outcome.took;
    if (!outcome.redirect.isEmpty() && outcome.status >= 300 && outcome.status < 400)
        follow(outcome);
    else if (fleet_ && takeAnswer(outcome))
        ask();
    else if (const std::optional<Trouble> trouble = troubleOf(outcome))
        failed(*trouble);
    else
        pageCame(outcome);
}

std::optional<MetricsSource::Reading> MetricsSource::read(const MetricsFetch::Outcome& outcome,
                                                          Trouble& trouble)
{
    Reading reading;
    const bool typed = isMetricsType(outcome.contentType, address_.format);
    const std::string type = plain_line(outcome.contentType.toStdString(), 64);
    bool any = false; // of what such a page has
    if (address_.format == MetricsAddress::Format::expvar) {
        Result<ExpvarPage> page = read_expvar(page_->json);
        if (page) {
            reading.pools = std::move(page.value().pools);
            reading.others = page.value().others;
            if (page.value().over_limit)
                reading.remarks.emplace_back("Of its pools 10,000 are shown.");
        }
        any = static_cast<bool>(page);
    } else {
        page_->reader.finish(page_->pools);
        const MetricsFigures& figures = page_->reader.figures();
        reading.pools = page_->pools.pools();
        reading.others = page_->pools.others();
        reading.ofQueryApi = page_->pools.of_query_api();
        reading.processStarted = page_->pools.process_started();
        reading.unreadable = figures.unreadable;
        const auto remark = [&](std::uint64_t count, const char* words) {
            if (count > 0)
                reading.remarks.push_back(fmt::format(fmt::runtime(words), count));
        };
        remark(figures.unreadable, "Lines of it that cannot be read: {}.");
        remark(figures.duplicates, "Series named twice, of which the first counts: {}.");
        remark(figures.over_limit, "Series beyond 200,000, left out: {}.");
        remark(page_->pools.over_limit(), "Series of pools beyond 10,000, left out: {}.");
        if (outcome.contentType == QLatin1String("application/openmetrics-text") && !figures.ended)
            reading.remarks.emplace_back("It lacks its last line: some of it may be missing.");
        any = figures.series > 0 || (typed && figures.unreadable == 0);
    }
    if (!typed)
        reading.remarks.push_back("It says that it is " + type + ", not metrics.");
    if (any)
        return reading;
    trouble.kind = wasUp_ ? Trouble::Kind::transient : Trouble::Kind::persistent;
    trouble.sentence = "What " + where() + " answers is no page of metrics" +
                       (typed ? "." : ": it is " + type + ".");
    trouble.nextStep = address_.format == MetricsAddress::Format::expvar
                           ? "Check the path: Go's is /debug/vars."
                           : "Check the path. Spring: /actuator/prometheus; Quarkus: /q/metrics; "
                             "exporters: /metrics; what a Prometheus knows of all: /api/v1.";
    return {};
}

void MetricsSource::pageCame(const MetricsFetch::Outcome& outcome)
{
    Trouble trouble;
    const std::optional<Reading> reading = read(outcome, trouble);
    page_.reset();
    if (reading)
        readingCame(*reading);
    else
        failed(trouble);
}

void MetricsSource::readingCame(const Reading& reading)
{
    phase_ = Phase::up;
    wasUp_ = true;
    failures_ = 0;
    pace_.weigh(took_);
    teller_.status(Reach::up, sentenceOf(reading));
    if (started_)
        sample(reading);
    if (!started_ || phase_ != Phase::up) // whoever heard of it had enough
        return;
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun_);
    poll_.start(std::max(std::chrono::milliseconds{10}, pace_.pace() - passed));
}

std::string MetricsSource::sentenceOf(const Reading& reading) const
{
    std::string sentence;
    if (reading.pools.empty() && fleet_)
        sentence = "It has no metrics of a pool that Poolscope knows.";
    else if (reading.pools.empty() && reading.ofQueryApi)
        sentence = "The page is that of a server of metrics, about itself. What it knows of others "
                   "is asked for at /api/v1.";
    else if (reading.pools.empty())
        sentence = reading.others.empty()
                       ? "The page is empty."
                       : "The page tells of no pool that Poolscope knows; it has " +
                             joined(reading.others) + " …";
    for (const std::string& remark : reading.remarks)
        sentence += (sentence.empty() ? "" : " ") + remark;
    if (pace_.stretched())
        sentence +=
            fmt::format("{}{} takes long: it is asked for every {}.", sentence.empty() ? "" : " ",
                        fleet_ ? "An answer" : "The page", format_duration_prose(pace_.pace()));
    return sentence;
}

bool MetricsSource::beganAnew(const Reading& reading) const
{
    // Of a fleet something always does, and what it counts begins at 0 for all to see.
    if (fleet_)
        return false;
    if (processStarted_ > 0 && reading.processStarted > processStarted_ + startJitter)
        return true;
    return std::any_of(reading.pools.begin(), reading.pools.end(), [this](const Pool& pool) {
        const auto before = told_.find(pool.name);
        return before != told_.end() && began_anew(before->second, pool);
    });
}

void MetricsSource::sample(const Reading& reading)
{
    // What is counted goes on from 0: between the two lies a time of which nothing is known.
    if (teller_.hasSampled() && beganAnew(reading))
        teller_.gap("The process, or one of its pools, began anew: what it counts began at 0.");
    PoolSample sample = changes(reading.pools, !teller_.hasSampled());
    // The same lines come again with each page.
    sample.unreadable = reading.unreadable > unreadable_ ? reading.unreadable - unreadable_ : 0;
    unreadable_ = reading.unreadable;
    processStarted_ = reading.processStarted;
    teller_.sampling();
    fact(sample);
}

/// What is told of pools that were told of before, or of all of them.
PoolSample MetricsSource::changes(const std::vector<Pool>& pools, bool anew)
{
    PoolSample sample;
    std::map<Text, Pool> now;
    for (const Pool& pool : pools)
        now.emplace(pool.name, pool);
    const bool allStay = std::all_of(
        told_.begin(), told_.end(), [&](const auto& before) { return now.contains(before.first); });
    sample.full = anew || !allStay;
    for (const auto& [name, pool] : now) {
        const auto before = told_.find(name);
        if (sample.full || before == told_.end() || before->second != pool)
            sample.pools.push_back(pool);
    }
    told_ = std::move(now);
    return sample;
}

void MetricsSource::failed(const Trouble& trouble)
{
    if (!started_ || phase_ != Phase::fetching)
        return;
    // What is past does not come back: who asks for it is not kept waiting for ever.
    if (past_ && trouble.kind == Trouble::Kind::transient && failures_ + 1 >= mostPastFailures) {
        failed({Trouble::Kind::persistent,
                trouble.sentence + fmt::format(" That was {} times in a row.", failures_ + 1),
                "Ask again later, or for less at once."});
        return;
    }
    page_.reset();
    phase_ = trouble.kind == Trouble::Kind::transient ? Phase::waiting : Phase::stopped;
    teller_.gap(trouble.sentence);
    if (!started_)
        return;
    if (trouble.kind == Trouble::Kind::transient) {
        const auto wait =
            retryWait(std::max(timings_.firstRetry, std::min(pace_.pace(), timings_.longestRetry)),
                      timings_.longestRetry, failures_++);
        retry_.start(wait);
        teller_.status(Reach::failing, trouble.sentence, trouble.nextStep, wait);
        return;
    }
    tunnel_.stop();
    teller_.status(Reach::stopped, trouble.sentence, trouble.nextStep);
    if (trouble.kind == Trouble::Kind::secret && started_)
        emit secretRequired(QString::fromStdString(trouble.sentence));
}

void MetricsSource::sampleNow()
{
    if (!started_ || phase_ == Phase::fetching)
        return;
    if (phase_ != Phase::up)
        failures_ = 0;
    reach();
}

void MetricsSource::setInterval(Duration interval)
{
    pace_.set_interval(interval);
    if (phase_ == Phase::up && poll_.isActive())
        poll_.start(std::min(std::chrono::milliseconds(poll_.remainingTime()), pace_.pace()));
}

void MetricsSource::provideSecret(const QString& password)
{
    if (!started_ || phase_ != Phase::stopped)
        return;
    if (password.isEmpty()) {
        teller_.status(Reach::stopped,
                       address_.user.isEmpty() ? "No token was given." : "No password was given.",
                       "Attach again to be asked again.");
        return;
    }
    secret_ = password;
    failures_ = 0;
    teller_.status(Reach::connecting, {});
    reach();
}

void MetricsSource::execute(const Command& command)
{
    fact(ActionReported{command.action, command.verb, command.session, ActionPhase::refused,
                        "A page of metrics takes no orders.", command.checkout});
}

void MetricsSource::fact(const Fact& what)
{
    if (started_)
        emit observed(what);
}

} // namespace poolscope
