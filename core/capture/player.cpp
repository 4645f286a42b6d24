// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/player.h"

#include <algorithm>

namespace poolscope {

using namespace std::chrono_literals;

namespace {
/// Forward jumps shorter than this are played, not restored from a keyframe.
constexpr Duration short_way = 10s;
constexpr auto frame_interval = 50ms;

Error whatIsShown(const Error& damage)
{
    return {damage.sentence, "What could be read before that is shown. " + damage.next_step};
}

} // namespace

Player::Player()
    : timer_(this)
{
    timer_.setInterval(frame_interval);
    connect(&timer_, &QTimer::timeout, this, &Player::frame);
}

void Player::open(const std::filesystem::path& file, quint64 ticket, const WhatIf& whatIf)
{
    close();
    supposedThresholds_ = whatIf.thresholds;
    auto made = RecordingReader::open(file);
    if (!made) {
        emit failed(made.error());
        return;
    }
    reader_ = std::move(made).value();
    const auto info = reader_->info();
    if (!info) {
        reader_.reset();
        emit failed(info.error());
        return;
    }
    if (!whatIf.alertRules.empty())
        suppose(whatIf.alertRules);
    emit opened(info.value(), ticket);
}

void Player::close()
{
    timer_.stop();
    reader_.reset();
    restored_ = false;
    atEnd_ = false;
    overrides_.clear();
    supposedRules_.clear();
    analysis_ = {};
}

void Player::seek(Timestamp cursor, quint64 epoch)
{
    if (!reader_)
        return;
    const bool continues = restored_ && epoch == epoch_ && cursor >= cursor_ &&
                           cursor - cursor_ <= short_way && !isBehind();
    epoch_ = epoch;
    atEnd_ = false;
    if (!continues) {
        if (!restore(cursor - Analysis::longest_window))
            return;
        builder_.reset();
    }
    const bool whole = advance(cursor);
    cursor_ = cursor;
    restored_ = whole || analysis_.world().sequence().value != 0;
    if (!restored_)
        return; // nothing at all can be read
    if (!whole)
        cursor_ = std::min(cursor, analysis_.world().now());
    // A ring may begin later than what was asked for.
    cursor_ = std::max(cursor_, analysis_.world().now());
    emit updated(builder_.build(analysis_), epoch_);
    emit cursorMoved(cursor_, timer_.isActive(), epoch_);
}

/// The ring has dropped what comes after this world.
bool Player::isBehind() const
{
    const auto dropped = reader_->dropped_up_to();
    return dropped && analysis_.world().sequence() < dropped.value();
}

bool Player::restore(Timestamp at)
{
    auto world = reader_->keyframe(at);
    if (!world) {
        const Error damage = world.error();
        world = reader_->sound_keyframe(at);
        emit failed(world ? whatIsShown(damage) : damage);
        if (!world)
            return false;
    }
    analysis_.restore(std::move(world).value());
    WorldDelta ignored;
    applyOverrides(ignored);
    restored_ = true;
    return true;
}

void Player::applyOverrides(WorldDelta& delta)
{
    supposeThresholds(supposedThresholds_, analysis_, delta);
    for (const auto& [of, choice] : overrides_) {
        const World& world = analysis_.world();
        analysis_.fold({world.sequence(), world.now(), of.first, choice}, delta);
    }
}

bool Player::advance(Timestamp to)
{
    WorldDelta delta;
    bool more = false;
    const auto read =
        reader_->read(analysis_.world().sequence(), [&](const Observation& observation) {
            if (observation.time > to) {
                more = true;
                return false;
            }
            analysis_.fold(observation, delta);
            if (std::holds_alternative<ThresholdsChanged>(observation.what))
                applyOverrides(delta);
            return true;
        });
    analysis_.look();
    analysis_.take_marks();
    builder_.add(delta);
    atEnd_ = !more;
    if (!read)
        emit failed(whatIsShown(read.error()));
    return static_cast<bool>(read);
}

void Player::play(bool on, int speed)
{
    speed_ = std::clamp(speed, 1, 64);
    if (on && reader_ && restored_) {
        sinceFrame_.start();
        timer_.start();
    } else {
        timer_.stop();
    }
    emit cursorMoved(cursor_, timer_.isActive(), epoch_);
}

void Player::frame()
{
    const Duration passed = std::chrono::milliseconds{sinceFrame_.restart()};
    if (isBehind()) {
        if (!restore(cursor_ - Analysis::longest_window)) {
            timer_.stop();
            return;
        }
        builder_.reset();
        cursor_ = std::max(cursor_, analysis_.world().now());
    }
    const Timestamp to = cursor_ + passed * speed_;
    const bool whole = advance(to);
    cursor_ = to;
    if (atEnd_ && cursor_ >= analysis_.world().now()) {
        cursor_ = analysis_.world().now();
        timer_.stop();
    }
    emit updated(builder_.build(analysis_), epoch_);
    emit cursorMoved(cursor_, timer_.isActive(), epoch_);
    if (whole && !timer_.isActive())
        emit reachedEnd(epoch_);
}

void Player::step(bool forward)
{
    if (!reader_)
        return;
    const auto next = reader_->step(cursor_, forward);
    if (!next)
        emit failed(next.error());
    else if (next.value())
        seek(*next.value(), epoch_);
    else if (forward)
        emit reachedEnd(epoch_);
}

void Player::setThresholds(TargetId target, const ThresholdsChanged& choice)
{
    if (choice.revoked) {
        takeBack(target, choice);
        return;
    }
    overrides_[{target, choice.pool}] = choice;
    tellOverrides();
}

std::string Player::alertRules() const
{
    return supposedRules_.empty() ? analysis_.world().alert_rules() : supposedRules_;
}

void Player::suppose(const std::string& rules)
{
    supposedRules_ = rules;
    if (rules.empty())
        analysis_.suppose_alert_rules(std::nullopt);
    else
        analysis_.suppose_alert_rules(parse_alert_rules(rules, "alerts.toml"));
}

void Player::supposeAlertRules(const std::string& rules)
{
    suppose(rules);
    if (reader_ && restored_) {
        // A rule looks back: what it says now follows from the minutes before.
        restored_ = false;
        seek(cursor_, epoch_);
    }
}

/// What counts now, and nothing beneath it: a what-if of here, else what the recording says; of the
/// target, else of all.
void Player::takeBack(TargetId target, const ThresholdsChanged& choice)
{
    for (const TargetId of : {target, TargetId{0}}) {
        const std::pair key{of, choice.pool};
        const auto made = overrides_.find(key);
        if (made == overrides_.end()) {
            if (!analysis_.world().chosen_thresholds().contains(key))
                continue;
            overrides_[key] = choice;
            tellOverrides();
            return;
        }
        if (made->second.revoked)
            continue;
        overrides_.erase(made);
        if (reader_ && restored_) {
            // What the recording says counts again, and only the recording knows it.
            restored_ = false;
            seek(cursor_, epoch_);
        }
        return;
    }
}

void Player::tellOverrides()
{
    WorldDelta delta;
    applyOverrides(delta);
    analysis_.look();
    builder_.add(delta);
    emit updated(builder_.build(analysis_), epoch_);
}

std::vector<TargetSeries> Player::series(Timestamp from, Timestamp to, std::size_t points)
{
    if (!reader_)
        return {};
    auto answer = reader_->series(from, to, points);
    if (!answer) {
        emit failed(answer.error());
        return {};
    }
    return std::move(answer).value();
}

std::vector<PoolSeries> Player::poolSeries(Timestamp from, Timestamp to, std::size_t points)
{
    if (!reader_)
        return {};
    auto answer = reader_->pool_series(from, to, points);
    if (!answer) {
        emit failed(answer.error());
        return {};
    }
    return std::move(answer).value();
}

std::vector<RecordingReader::PastState> Player::past(const SessionKey& session, Timestamp from,
                                                     Timestamp to)
{
    if (!reader_)
        return {};
    auto answer = reader_->past(session, from, to);
    return answer ? std::move(answer).value() : std::vector<RecordingReader::PastState>{};
}

std::vector<HeldPlace> heldIn(const std::filesystem::path& file, Timestamp from, Timestamp to,
                              const std::atomic<bool>& stop)
{
    auto reader = RecordingReader::open(file);
    if (!reader)
        return {};
    auto keyframe = reader.value()->keyframe(from);
    if (!keyframe)
        keyframe = reader.value()->sound_keyframe(from);
    if (!keyframe)
        return {};
    World world = std::move(keyframe).value();
    HeldFold fold{from, to};
    // A damaged part ends the range where the recording can no longer be read.
    (void)reader.value()->read(world.sequence(), [&](const Observation& observation) {
        if (observation.time > to || stop.load(std::memory_order_relaxed))
            return false;
        fold.watch(world, observation);
        world.apply(observation);
        return true;
    });
    return fold.finish(world);
}

std::vector<Mark> marksOf(const std::filesystem::path& file, const std::atomic<bool>& stop,
                          const std::function<void(const std::vector<Mark>&)>& progress)
{
    std::vector<Mark> marks;
    auto reader = RecordingReader::open(file);
    if (!reader)
        return marks;
    Analysis analysis;
    // A ring begins at a keyframe, not with the first observation.
    if (const auto info = reader.value()->info()) {
        if (auto world = reader.value()->keyframe(info.value().started))
            analysis.restore(std::move(world).value());
    }
    std::size_t reported = 0;
    int since_report = 0;
    // Trouble while reading ends the marks where the recording can no longer be read.
    (void)reader.value()->read(analysis.world().sequence(), [&](const Observation& observation) {
        WorldDelta ignored;
        analysis.apply(observation, ignored);
        for (Mark& mark : analysis.take_marks())
            marks.push_back(std::move(mark));
        if (++since_report >= 2000) {
            since_report = 0;
            if (marks.size() != reported) {
                reported = marks.size();
                progress(marks);
            }
        }
        return !stop.load(std::memory_order_relaxed);
    });
    return marks;
}

} // namespace poolscope
