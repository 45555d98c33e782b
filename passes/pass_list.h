#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "passes/pass.h"

namespace sinter::passes {

// A pass as the command line names it.
struct PassCall {
  const Pass* pass;
  Arguments arguments;
  std::string text;  // "differentiate(of=loss;wrt=x,w)"
};

// "simplify,differentiate(of=loss;wrt=x,w)": names separated by commas, each with arguments in parentheses
// that are separated by semicolons. Throws GraphError where a name is unknown or a parenthesis is missing.
std::vector<PassCall> parse_pass_list(std::string_view text);

}  // namespace sinter::passes
