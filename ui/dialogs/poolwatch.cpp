// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/poolwatch.h"

#include "ui/models/findaside.h"
#include "ui/models/formatter.h"

#include <algorithm>

namespace poolscope {

namespace {
/// Workers of one application appear together; more than these are not told apart by looking.
constexpr std::size_t most_watched = 32;
constexpr std::size_t most_pools = 32;
} // namespace

PoolWatch::PoolWatch(Finder find, QObject* parent)
    : QObject(parent)
    , find_(std::move(find))
    , folder_(std::make_shared<QTemporaryDir>())
{
    Workspace::Options options;
    options.temporaryFolder = folder_->path();
    options.readOnly = true;
    options.redact = true; // nobody has asked to record these
    workspace_ = new Workspace(options);
    connect(workspace_, &Workspace::updated, this,
            [this](const UpdatePtr& update) { applied(*update); });
    connect(workspace_, &Workspace::secretRequired, this,
            [this](TargetId target, const QString& sentence) {
                // Any socket that appears can ask for a token; only the named one has been given
                // one.
                const auto named = watched_.find(address_);
                if (named == watched_.end() || named->second.target != target)
                    return;
                const QString now = sentence.left(300);
                if (trouble_ == now)
                    return; // it is tried every second
                trouble_ = now;
                emit changed();
            });
    timer_.setInterval(1000);
    connect(&timer_, &QTimer::timeout, this, &PoolWatch::look);
}

PoolWatch::~PoolWatch()
{
    workspace_->disconnect(this);
    // A source that hangs holds up no window that closes.
    connect(workspace_, &QObject::destroyed, workspace_,
            [folder = folder_]() mutable { folder.reset(); });
    workspace_->letGo();
}

void PoolWatch::begin()
{
    timer_.start();
    look();
}

void PoolWatch::look()
{
    if (!folder_->isValid())
        return;
    // Else its source waits longer from try to try; also after a refusal, since it may have been
    // started again with the right token.
    const bool there = std::any_of(found_.begin(), found_.end(),
                                   [this](const Found& found) { return found.url == address_; });
    if (!address_.isEmpty() && !there)
        workspace_->sampleNow();
    if (looking_)
        return;
    looking_ = true;
    findAside<std::vector<LocalPool>>(this, find_, [this](const auto& pools) {
        looking_ = false;
        take(pools);
    });
}

void PoolWatch::take(const std::vector<LocalPool>& pools)
{
    QSet<QString> now;
    for (const LocalPool& pool : pools)
        now.insert(pool.url);
    if (!knowsBefore_) {
        knowsBefore_ = true;
        before_ = now;
        return;
    }
    before_.intersect(now); // one that comes back has appeared
    for (const LocalPool& pool : pools) {
        if (!before_.contains(pool.url) && !watched_.contains(pool.url) &&
            watched_.size() < most_watched)
            attach(pool.url, {}, false);
    }
    QStringList gone;
    for (const auto& [url, watched] : watched_) {
        if (!watched.named && !now.contains(url))
            gone << url;
    }
    for (const QString& url : gone)
        letGo(url);
}

void PoolWatch::setAddress(const QString& url, const QString& token)
{
    if (!address_.isEmpty())
        letGo(address_);
    address_ = url;
    trouble_.clear();
    if (!url.isEmpty())
        attach(url, token, true);
}

void PoolWatch::attach(const QString& url, const QString& token, bool named)
{
    if (!folder_->isValid())
        return; // it would be recorded among the user's own
    AttachRequest request;
    request.target = url;
    request.password = token;
    const TargetId target = workspace_->attach(request);
    if (target != TargetId{})
        watched_[url] = {target, named};
}

void PoolWatch::letGo(const QString& url)
{
    const auto watched = watched_.find(url);
    if (watched == watched_.end())
        return;
    workspace_->detach(watched->second.target);
    watched_.erase(watched);
    if (std::erase_if(found_, [&](const Found& found) { return found.url == url; }) > 0)
        emit changed();
}

void PoolWatch::applied(const Update& update)
{
    bool news = false;
    for (const TargetSummary& target : update.targets) {
        const auto watched = std::find_if(watched_.begin(), watched_.end(), [&](const auto& entry) {
            return entry.second.target == target.info.id;
        });
        if (watched == watched_.end())
            continue;
        if (watched->second.named && target.status.reach == Reach::up && !trouble_.isEmpty()) {
            trouble_.clear();
            news = true;
        }
        const auto known = std::find_if(found_.begin(), found_.end(), [&](const Found& found) {
            return found.url == watched->first;
        });
        if (!target.agent || target.pools.empty() || target.status.reach != Reach::up) {
            if (known != found_.end()) {
                found_.erase(known);
                news = true;
            }
            continue;
        }
        Found found{
            watched->first, Formatter::line(target.agent->process, 60), target.agent->pid, {}};
        for (std::size_t i = 0; i < std::min(most_pools, target.pools.size()); ++i)
            found.pools << Formatter::line(target.pools[i].name.str(), 60);
        if (known == found_.end())
            found_.push_back(std::move(found));
        else if (*known == found)
            continue;
        else
            *known = std::move(found);
        news = true;
    }
    if (news)
        emit changed();
}

} // namespace poolscope
