#pragma once

#include <sinter/array.h>
#include <sinter/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace sinter
