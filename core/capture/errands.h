// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace poolscope {

/// One piece of work that reads or writes a recording on a thread of its own. The disk may keep it
/// for as long as it likes: who is not on the GUI thread may wait for `ended`.
struct Errand
{
    std::string file; ///< that it reads or writes
    std::atomic<bool> stop{false};
    std::shared_future<void> ended;
    bool over() const;
};

/// The errands of a workspace. Of one thread; only the destructor waits for them. Each ends by
/// itself, soon after its `stop` is set where the disk lets it, and is reaped then.
class Errands
{
public:
    /// `ended` is called on an errand's thread after its work.
    explicit Errands(std::function<void()> ended);
    ~Errands();
    Errands(const Errands&) = delete;
    Errands& operator=(const Errands&) = delete;

    using Self = std::shared_ptr<const Errand>;
    using Work = std::function<void(const Self& self)>;
    std::shared_ptr<Errand> begin(const std::string& file, Work work);
    void stopAll();
    /// Lets go of the threads that are through; of those alone.
    void reap();
    /// Those that are not through.
    std::vector<Self> atWork() const;

private:
    struct Running
    {
        std::shared_ptr<Errand> errand;
        std::thread thread;
    };
    std::function<void()> ended_;
    std::vector<Running> running_;
};

} // namespace poolscope
