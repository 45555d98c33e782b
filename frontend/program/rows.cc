#include <fmt/format.h>

#include <algorithm>

#include "frontend/base/translate.h"
#include "frontend/program/program_state.h"
#include "frontend/trace/binding.h"
#include "passes/rows/row_axes.h"

namespace sinter {
namespace {

bool leads(const Input& input, const Dim& batch) {
  return input.shape.size() > 0 && input.shape[0].text() == batch.name;
}

// Where the batch stands besides; "" where it does not.
std::string stands_elsewhere(const std::vector<Input>& inputs, const Dim& batch) {
  for (const Input& input : inputs) {
    for (size_t axis = leads(input, batch) ? 1 : 0; axis < input.shape.size(); ++axis) {
      const Extent& extent = input.shape[axis];
      if (extent.dim() == batch)
        return fmt::format("axis {} of input '{}' is {}", axis, input.name, extent.text());
    }
  }
  return "";
}

}  // namespace

const backends::Rows& ProgramState::rows_of(Variant& variant) {
  return variant.rows([&] {
    const auto of = std::ranges::find_if(added, [&](const Added& function) {
      return variant.name() == function.name || variant.name().starts_with(function.name + ".");
    });
    backends::Rows rows;
    const Dim* batch = leading_dim(of->inputs);
    if (variant.writes_state()) rows.none = "it writes state";
    if (!variant.session_states().empty()) rows.none = "it uses state of a session";
    if (batch == nullptr) rows.none = "no input begins with a Dim";
    if (rows.none.empty()) rows.none = stands_elsewhere(of->inputs, *batch);
    if (!rows.none.empty()) return rows;
    const int64_t count = variant.sizes().at(*batch);
    if (count == 0) rows.none = fmt::format("'{}' is 0", batch->name);
    if (!rows.none.empty()) return rows;
    for (const Input& input : of->inputs) rows.inputs.push_back(leads(input, *batch));
    try {
      // A batch of 1 does not show which axis it is.
      DimSizes sizes = variant.sizes();
      sizes.at(*batch) = std::max<int64_t>(count, 2);
      const Variant& seen = count > 1 ? variant : this->variant(of->name, sizes);
      const auto axes = translated(
          [&] { return passes::row_axes(seen.graph(), seen.name(), rows.inputs, sizes.at(*batch)); });
      for (const passes::RowAxis& axis : axes)
        rows.outputs.push_back({axis.axis ? static_cast<int64_t>(*axis.axis) : -1, axis.why_not});
      rows.count = count;
    } catch (const Error& error) {
      rows.none = error.what();
    }
    return rows;
  });
}

}  // namespace sinter
