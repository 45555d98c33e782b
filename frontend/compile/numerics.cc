#include "frontend/compile/numerics.h"

#include <fmt/format.h>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"

namespace sinter {
namespace {

std::string text_of(const backends::Birth& birth, bool is_first) {
  const char* begin = is_first ? "first" : "then";
  std::string text =
      fmt::format("\n  {}: {}{} {} {} at ", begin, birth.what, birth.is_of_gradient ? " of a gradient" : "",
                  birth.operands.empty() ? "holds" : "gives", birth.values);
  if (birth.bad > 1) text += fmt::format("{} of {} elements, the first at ", birth.bad, birth.elements);
  text += fmt::format("{} of {}", birth.position, birth.type);
  if (!birth.where.empty()) text += fmt::format(" ({})", birth.where);
  for (const std::string& within : birth.within) text += "\n    in " + within;
  for (size_t i = 0; i < birth.operands.size(); ++i)
    text += fmt::format("\n    operand {} ({}): {}", i, birth.operands[i].name, birth.operands[i].range);
  return text;
}

}  // namespace

std::string numerics_report(const graph::Module& module, std::string_view function,
                            const backends::RepeatedCall& call, std::string_view counts,
                            std::string_view fault) {
  passes::OpSet of_gradients;
  const graph::Module expanded = as_written(module, &of_gradients);
  const auto found =
      backends::open_device("reference")->first_non_finite(expanded, function, call, of_gradients);
  const std::string when = fmt::format("in {} {} of seed {}", counts, call.step, call.seed);
  if (!found) {
    return fmt::format(
        "{}: {} {}; op by op, as it is written, the reference finds all results finite there, so no op can "
        "be "
        "named: the kernels of the device round and add in another order",
        function, fault, when);
  }
  std::string text =
      fmt::format("{}: {} is not finite: {}{} {}", function, found->name, found->value, found->at, when);
  for (const backends::Birth& birth : found->births) text += text_of(birth, &birth == found->births.data());
  return text;
}

}  // namespace sinter
