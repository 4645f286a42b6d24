// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/errands.h"

#include <chrono>
#include <utility>

namespace poolscope {

bool Errand::over() const
{
    return ended.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

Errands::Errands(std::function<void()> ended)
    : ended_(std::move(ended))
{}

Errands::~Errands()
{
    stopAll();
    for (Running& running : running_)
        running.thread.join();
}

std::shared_ptr<Errand> Errands::begin(const std::string& file, Work work)
{
    reap();
    auto errand = std::make_shared<Errand>();
    errand->file = file;
    std::promise<void> through;
    errand->ended = through.get_future().share();
    std::thread thread(
        [this, errand, work = std::move(work), through = std::move(through)]() mutable {
            work(errand);
            work = {}; // what it holds goes before anybody takes it for over
            through.set_value();
            ended_();
        });
    running_.push_back({errand, std::move(thread)});
    return errand;
}

void Errands::stopAll()
{
    for (const Running& running : running_)
        running.errand->stop = true;
}

void Errands::reap()
{
    std::vector<Running> left;
    for (Running& running : running_) {
        if (running.errand->over())
            running.thread.join(); // it has but a word to say
        else
            left.push_back(std::move(running));
    }
    running_ = std::move(left);
}

std::vector<Errands::Self> Errands::atWork() const
{
    std::vector<Self> all;
    for (const Running& running : running_)
        if (!running.errand->over())
            all.push_back(running.errand);
    return all;
}

} // namespace poolscope
