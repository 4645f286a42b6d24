// SPDX-License-Identifier: Apache-2.0
#include "core/stack/functionname.h"

#include <cstdlib>
#include <cxxabi.h>
#include <memory>

namespace poolscope {

namespace {

constexpr std::size_t longest_name = 512;

/// The '(' that the ')' at `close` ends; npos if there is none.
std::size_t opening_of(std::string_view name, std::size_t close)
{
    int depth = 0;
    for (std::size_t i = close + 1; i-- > 0;) {
        if (name[i] == ')')
            ++depth;
        else if (name[i] == '(' && --depth == 0)
            return i;
    }
    return std::string_view::npos;
}

/// Where the name begins behind a return type; 0 if there is no return type. Operators hold '<',
/// '>' and spaces of their own: in front of one nothing is cut.
std::size_t begin_of_name(std::string_view name)
{
    if (name.find("operator") != std::string_view::npos)
        return 0;
    int depth = 0;
    for (std::size_t i = name.size(); i-- > 0;) {
        const char c = name[i];
        if (c == '>' || c == ')' || c == '}')
            ++depth;
        else if (c == '<' || c == '(' || c == '{')
            --depth;
        else if (c == ' ' && depth == 0)
            return i + 1;
    }
    return 0;
}

} // namespace

std::string without_parameters(std::string_view demangled)
{
    std::string_view name = demangled;
    if (const auto remark = name.find(" [clone "); remark != std::string_view::npos)
        name = name.substr(0, remark);
    const auto close = name.rfind(')');
    if (close != std::string_view::npos && name.find("::", close) == std::string_view::npos) {
        const auto open = opening_of(name, close);
        // "operator()" alone, without its parameters, is all name.
        const bool call_operator = open != std::string_view::npos && open + 1 == close &&
                                   name.substr(0, open).ends_with("operator");
        if (open != std::string_view::npos && open > 0 && !call_operator)
            name = name.substr(0, open);
    }
    name = name.substr(begin_of_name(name));
    return std::string(name.substr(0, longest_name));
}

std::string function_name(const char* symbol)
{
    if (!symbol)
        return {};
    const std::string_view whole = symbol;
    if (!whole.starts_with("_Z"))
        return std::string(whole.substr(0, longest_name));
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> demangled(
        abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
    return status == 0 && demangled ? without_parameters(demangled.get())
                                    : std::string(whole.substr(0, longest_name));
}

} // namespace poolscope
