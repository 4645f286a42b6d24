// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/recorder.h"

namespace poolscope {

using namespace std::chrono_literals;

Recorder::Recorder(std::unique_ptr<RecordingWriter> writer,
                   std::function<void(const Status&)> report)
    : writer_(std::move(writer))
    , report_(std::move(report))
    , thread_([this] { run(); })
{}

Recorder::~Recorder()
{
    static_cast<void>(finish());
}

Result<Done> Recorder::finish()
{
    {
        const std::lock_guard lock{mutex_};
        closing_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable())
        thread_.join();
    return closed_;
}

bool Recorder::push(const Observation& observation)
{
    const std::lock_guard lock{mutex_};
    if (queue_.size() + taken_ >= capacity)
        return false;
    // No wake-up: the thread looks once a second, which is how much may be lost.
    queue_.push_back(observation);
    return true;
}

bool Recorder::has_room() const
{
    const std::lock_guard lock{mutex_};
    return queue_.size() + taken_ < capacity / 2;
}

void Recorder::flush(std::function<void()> then)
{
    {
        const std::lock_guard lock{mutex_};
        flushes_.push_back(std::move(then));
    }
    wake_.notify_one();
}

void Recorder::run()
{
    bool more = true;
    while (more) {
        std::vector<std::function<void()>> flushes;
        more = wait_for_work(flushes);
        write_pending();
        for (const auto& then : flushes)
            then();
    }
    closed_ = writer_->close();
}

bool Recorder::wait_for_work(std::vector<std::function<void()>>& flushes)
{
    std::unique_lock lock{mutex_};
    wake_.wait_for(lock, status_.trouble.empty() ? 1s : 2s,
                   [this] { return closing_ || !flushes_.empty(); });
    while (!queue_.empty()) {
        pending_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    taken_ = pending_.size();
    flushes = std::move(flushes_);
    flushes_.clear();
    return !closing_;
}

void Recorder::write_pending()
{
    std::string trouble;
    while (!pending_.empty() && trouble.empty()) {
        if (const auto never = writer_->refuses(pending_.front())) {
            ++status_.refused;
            status_.refusal = never->sentence;
            pending_.pop_front();
        } else if (const auto done = writer_->append(pending_.front()); !done) {
            trouble = done.error().sentence + ' ' + done.error().next_step;
        } else {
            pending_.pop_front();
        }
    }
    if (const auto done = writer_->commit(); !done)
        trouble = done.error().sentence + ' ' + done.error().next_step;
    {
        const std::lock_guard lock{mutex_};
        taken_ = pending_.size();
    }
    status_.trouble = trouble;
    status_.bytes = writer_->bytes();
    status_.begins = writer_->begins();
    report_(status_);
}

} // namespace poolscope
