#pragma once

#include <fmt/format.h>
#include <sinter/array.h>
#include <sinter/error.h>
#include <sinter/function.h>
#include <sinter/types.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/base/names.h"
#include "runtime/executable.h"

// The inputs and outputs of functions, as users see them.
namespace sinter {

std::vector<TensorInfo> to_infos(const std::vector<runtime::TensorSpec>& specs);

size_t bytes_of(const TensorInfo& info);
runtime::HostTensor tensor_for(const TensorInfo& info);  // zeros

// Throw Error where none has the name, it has another element type, or it is an input of another type or
// shape. `function` is what messages call the function, `kind` "input" or "output".
size_t index_of(const std::string& function, std::string_view kind, const std::vector<TensorInfo>& infos,
                std::string_view name);
void check_type(const std::string& function, std::string_view kind, const TensorInfo& info, DType type);
void check_input(const std::string& function, const TensorInfo& info, const Array& value);

// Throws Error where an array is not of an input, or an input, which is something with a name, has none.
template <typename Named>
void check_names(const std::string& function, const std::vector<Named>& inputs, const Arrays& arrays) {
  for (const auto& [name, array] : arrays) {
    if (std::ranges::find(inputs, name, &Named::name) != inputs.end()) continue;
    std::vector<std::string> names;
    for (const Named& input : inputs) names.push_back(input.name);
    throw Error(
        fmt::format("{}: no input is called '{}'; inputs are {}", function, name, quoted_list(names)));
  }
  for (const Named& input : inputs) {
    if (!arrays.contains(input.name))
      throw Error(fmt::format("{}: input '{}' is missing", function, input.name));
  }
}

}  // namespace sinter
