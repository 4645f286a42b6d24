// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/fleetpoll.h"

#include "core/base/text.h"
#include "core/source/metricsaddress.h"

#include <QUrlQuery>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace poolscope {

namespace {

/// Polls between two tries of what nobody had.
constexpr int fleetRest = 3;
/// The same where the server has to look at the name of everything it knows.
constexpr int fleetLongRest = 19;
/// What it scrapes changes as instances come and go; only who drills down needs it.
constexpr int fleetTargetsRest = 39;
/// Refusals where nothing is answered: as many as it takes to come down to a name, and a few.
constexpr int mostRefused = 8;
/// Questions in a row without an answer in time, where others were answered.
constexpr int mostLate = 4;
constexpr std::size_t mostNamed = 3;

const QString fleetMatch = QStringLiteral("match");

} // namespace

std::string fleetMatchers(const QUrl& base)
{
    std::string all;
    const QStringList given = QUrlQuery(base).allQueryItemValues(fleetMatch, QUrl::FullyDecoded);
    for (const QString& one : given) {
        QString matchers = one.trimmed();
        if (matchers.startsWith(QLatin1Char('{')) && matchers.endsWith(QLatin1Char('}')))
            matchers = matchers.mid(1, matchers.size() - 2).trimmed();
        if (!matchers.isEmpty())
            all += (all.empty() ? "" : ",") + matchers.toStdString();
    }
    return all;
}

std::string fleetSelector(const std::vector<std::string>& names, bool behind,
                          const std::string& matchers)
{
    std::string any;
    for (const std::string& name : names)
        any += (any.empty() ? "" : "|") + name;
    const std::string which = behind              ? "=~\".+_pool_(" + any + ")\""
                              : names.size() == 1 ? "=\"" + any + "\""
                                                  : "=~\"" + any + "\"";
    return "{__name__" + which + (matchers.empty() ? "" : "," + matchers) + "}";
}

QUrl fleetUrl(const QUrl& base, const QString& path, const QByteArray& parameters)
{
    QUrl url = base;
    url.setPath(base.path() + path);
    QUrlQuery own(base);
    own.removeAllQueryItems(fleetMatch);
    QString query = own.toString(QUrl::FullyEncoded);
    if (!query.isEmpty() && !parameters.isEmpty())
        query += QLatin1Char('&');
    url.setQuery(query + QString::fromLatin1(parameters), QUrl::StrictMode);
    return url;
}

FleetPoll::FleetPoll(const QUrl& base)
    : base_(base)
    , matchers_(fleetMatchers(base))
{
    startOver();
}

void FleetPoll::startOver()
{
    asking_.reset();
    left_.clear();
    all_.clear();
    all_.push_back({{}, false, 0, false});
    for (const MetricsQuestion& question : metrics_questions())
        all_.push_back({question.names, question.behind, 0, false});
}

void FleetPoll::begin()
{
    // Of a poll that came to no end. What it ended at comes last: the rest may be had.
    if (asking_)
        left_.push_back(*std::exchange(asking_, {}));
    all_.insert(all_.begin(), left_.begin(), left_.end());
    left_.clear();
    json_.clear();
    any_ = false;
    refused_ = 0;
    late_ = 0;
    reader_.emplace();
    past_.reset();
    pools_.assign(1, {});
    pools_.front().set_origin([this](std::string_view job, std::string_view instance) {
        return originOf(job, instance);
    });
    const auto due = std::stable_partition(
        all_.begin(), all_.end(), [](const Question& question) { return question.rest > 0; });
    left_.assign(std::make_move_iterator(due), std::make_move_iterator(all_.end()));
    all_.erase(due, all_.end());
    for (Question& question : all_)
        --question.rest;
}

void FleetPoll::begin(const Past& past)
{
    begin();
    const MetricsPools first = pools_.front();
    past_ = past;
    pools_.assign(past.steps, first);
}

std::optional<QUrl> FleetPoll::next()
{
    json_.clear();
    if (asking_)
        all_.push_back(*std::exchange(asking_, {}));
    if (left_.empty())
        return {};
    asking_ = std::move(left_.front());
    left_.pop_front();
    return urlOf(*asking_);
}

QUrl FleetPoll::urlOf(const Question& question) const
{
    if (question.names.empty())
        return fleetUrl(base_, QStringLiteral("/targets"), "state=active");
    const std::string selector = fleetSelector(question.names, question.behind, matchers_);
    QByteArray query = "query=" + QUrl::toPercentEncoding(QString::fromStdString(selector));
    if (!past_)
        return fleetUrl(base_, QStringLiteral("/query"), query);
    const auto seconds = [](std::int64_t us) {
        return QByteArray::number(static_cast<double>(us) / 1e6, 'f', 3);
    };
    query += "&start=" + seconds(to_us(past_->from)) +
             "&end=" + seconds(to_us(past_->at(past_->steps - 1))) +
             "&step=" + seconds(to_us(past_->step));
    return fleetUrl(base_, QStringLiteral("/query_range"), query);
}

Result<Done> FleetPoll::read()
{
    if (!past_)
        return reader_->read_instant(json_, pools_.front());
    return reader_->read_range(json_, [this](Timestamp at, const MetricSample& sample) {
        // As far as a value is from an instant that was asked for, it belongs to none.
        const std::int64_t step = to_us(past_->step);
        const std::int64_t after = to_us(at - past_->from) + step / 2;
        const auto index = static_cast<std::size_t>(after / step);
        if (after >= 0 && index < pools_.size())
            pools_[index].take(sample);
    });
}

Result<Done> FleetPoll::answered()
{
    if (!asking_)
        return Done{};
    if (asking_->names.empty()) {
        scraped_ = read_scraped(json_);
        origins_.clear();
        asking_->rest = fleetTargetsRest;
        return Done{};
    }
    const std::uint64_t before = reader_->figures().series;
    Result<Done> come = read();
    if (come) {
        any_ = true;
        late_ = 0;
        asking_->tooMuch = false;
    }
    if (come && !past_ && reader_->figures().series == before)
        asking_->rest = asking_->behind ? fleetLongRest : fleetRest;
    return come;
}

bool FleetPoll::retreat(Refusal why)
{
    if (!asking_)
        return false;
    if (isOptional()) {
        asking_->rest = fleetTargetsRest;
        return true;
    }
    if (why == Refusal::other || (why == Refusal::late && (!any_ || ++late_ > mostLate)))
        return false;
    Question& question = *asking_;
    const bool one = question.names.size() == 1;
    if (why == Refusal::maybeTooMuch && !any_ && ++refused_ >= mostRefused && one) {
        startOver();
        return false;
    }
    if (one) {
        question.tooMuch = true;
        // Of the past every part is asked for once.
        question.rest = past_ ? 0 : fleetLongRest;
        return true;
    }
    const auto middle =
        question.names.begin() + static_cast<std::ptrdiff_t>(question.names.size() / 2);
    left_.push_front({{middle, question.names.end()}, question.behind, 0, false});
    left_.push_front({{question.names.begin(), middle}, question.behind, 0, false});
    asking_.reset();
    return true;
}

/// The page that a series was read from, as a target. Where the server does not tell what it
/// scrapes the instance is most often host and port of it.
std::string FleetPoll::originOf(std::string_view job, std::string_view instance)
{
    std::pair<std::string, std::string> key{job, instance};
    const auto known = origins_.find(key);
    if (known != origins_.end())
        return known->second;
    QString page;
    if (const auto scraped = scraped_.find(key); scraped != scraped_.end())
        page = QString::fromStdString(scraped->second);
    else if (scraped_.empty() && instance.find(':') != std::string_view::npos &&
             instance.find_first_of("/@?# ") == std::string_view::npos)
        page = QStringLiteral("http://") + QString::fromStdString(key.second) +
               QStringLiteral("/metrics");
    std::string target;
    if (!page.isEmpty()) {
        const auto address = parseMetricsUrl(QStringLiteral("prometheus+") + page);
        if (address && address.value().user.isEmpty())
            target = plain_line(address.value().shown().toStdString(), 1024);
    }
    if (origins_.size() >= MetricsPools::max_pools)
        return target;
    return origins_.emplace(std::move(key), std::move(target)).first->second;
}

std::vector<std::string> FleetPoll::remarks() const
{
    std::vector<std::string> sentences;
    const FleetFigures& figures = reader_->figures();
    if (figures.partial)
        sentences.emplace_back("It could not ask all that it should: some pools may be missing.");
    for (const std::string& warning : figures.warnings)
        sentences.push_back("It warns: \"" + warning + "\".");
    const auto remark = [&](std::uint64_t count, const char* words) {
        if (count > 0)
            sentences.push_back(fmt::format(fmt::runtime(words), count));
    };
    remark(figures.unreadable, "Series of it that cannot be read: {}.");
    remark(figures.duplicates, "Series told by several replicas, of which the first counts: {}.");
    remark(figures.over_limit, "Series beyond 200,000, left out: {}.");
    remark(pools_.back().over_limit(), "Series of pools beyond 10,000, left out: {}.");
    std::size_t leftOut = 0;
    std::string names;
    for (const Question& question : all_) {
        if (question.tooMuch && ++leftOut <= mostNamed)
            names += (names.empty() ? "" : ", ") + question.names.front();
    }
    if (leftOut > 0)
        sentences.push_back(fmt::format("Metrics too many for one answer, left out: {} ({}). Ask "
                                        "for a part of the fleet by match.",
                                        leftOut, names));
    return sentences;
}

} // namespace poolscope
