#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sinter {

// One file of HTML that shows the reports, two beside each other where there are two. It has all that it
// needs in it.
std::string report_page(const std::vector<nlohmann::ordered_json>& reports);

// The reports that such a file shows. Throws RuntimeError where it is none.
std::vector<nlohmann::ordered_json> reports_of_page(std::string_view page, std::string_view name);

}  // namespace sinter
