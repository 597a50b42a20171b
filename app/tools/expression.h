// Value of an arithmetic expression: + - * / % ^ (right-associative), parentheses, pi, e, and functions
// (sqrt, abs, round, floor, ceil, sin, cos, tan, asin, acos, atan, exp, ln, log, log10, log2, min, max, pow).
// Limits on length and depth; never anything but numbers.
//
//     evaluateExpression("2 * (3 + 4)")  ->  14
#pragma once

#include "facet/result.h"

#include <string>
#include <string_view>

namespace facet::tools {

Result<double> evaluateExpression(std::string_view text);

// As few digits as the value needs: 14, 0.1, 6.02214076e+23.
std::string formatNumber(double value);

} // namespace facet::tools
