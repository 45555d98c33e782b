#pragma once

#include "backends/backend.h"

namespace sinter::reference {

// The interpreter as a device: "reference".
const backends::Backend& backend();

}  // namespace sinter::reference
