// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/holders.h"
#include "core/analyze/statementgrowth.h"
#include "core/model/target.h"

#include <QString>

namespace poolscope {

/// How a line of code, a place and a checkout are called wherever they are shown. Plain text,
/// bounded.

/// "checkout.cpp:88", whatever the name holds; the name alone where the line is not positive.
QString fileAndLine(const QString& file, std::int32_t line);
/// "checkout.cpp:88", without its folders; never cut on the way to the screen. Empty where no file
/// is known.
QString shortLine(const StackLine& line);
/// "src/checkout.cpp:88"
QString wholeLine(const StackLine& line);
/// "place_order()": the last part of a qualified name, without template arguments' insides kept
/// apart. Empty where it is not known.
QString shortFunction(const StackLine& line);

/// What names a place: the acquiring line's, or what is known instead.
struct PlaceName
{
    QString lead; ///< "checkout.cpp:88", the function where no file is known, or "no stack"
    QString
        rest; ///< "place_order()", "by way of web.py:7" where that alone tells it apart, or empty
    QString whole; ///< "shop::place_order at src/checkout.cpp:88"
};
PlaceName placeName(const Stack* stack);
/// The same of a place where no stack is: a pooler sees none, and names its pool instead. What was
/// established past the pools is called a bypass.
PlaceName placeName(const TargetInfo& target, const Place& place);
/// The same from one report to the next: target, pool and what the stack is made of.
QString placeId(TargetId target, const Place& place);
QString statementsId(TargetId target, const StatementLeak& leak);

/// "order=771201 tenant=eu-2"
QString tagWords(const Checkout& checkout, std::size_t most = 8);
/// "POST /orders", else the thread's name, else nothing.
QString whoWords(const Checkout& checkout);
/// A stack for the clipboard, a line each: "shop::place_order (src/checkout.cpp:88)".
QString stackText(const Stack* stack);
/// "1 connection", "14 connections"
QString connections(std::int64_t n);

} // namespace poolscope
