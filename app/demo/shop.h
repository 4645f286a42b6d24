// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/database.h"
#include "app/demo/pace.h"

#include <atomic>
#include <cstdint>

namespace shop {

/// What every part of the shop uses. Its pools are real ones; what leaks here leaks for real.
struct Shop
{
    /// Throws std::runtime_error where the database cannot be made.
    explicit Shop(unsigned speed);

    Pace pace;
    Database database;
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> failures{0}; ///< requests that got an error page instead
    Pool pool;                              ///< for customers: 20 connections
    Pool reports_pool;                      ///< for the office: 5
};

/// How a customer pays.
enum class Card : std::uint8_t { accepted, declined };

} // namespace shop
