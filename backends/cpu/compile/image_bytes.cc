#include "backends/cpu/compile/image_bytes.h"

#include "backends/layout_bytes.h"

namespace sinter::cpu {

using nlohmann::json;

std::string to_bytes(const UnloadedImage& image) {
  json fields = backends::to_json(image.layout);
  json files = json::array();
  for (const std::string& file : image.files) files.push_back(backends::to_json(file));
  fields["meetings"] = backends::to_json(image.meetings);
  fields["scratch_bytes"] = image.scratch_bytes;
  fields["files"] = std::move(files);
  return backends::packed(fields);
}

std::optional<UnloadedImage> from_bytes(std::string_view bytes) {
  return backends::unpacked(bytes, [](const json& fields) {
    UnloadedImage image{backends::layout_from_json(fields), {}, fields.at("scratch_bytes"), {}};
    image.meetings = backends::meetings_from_json(fields.at("meetings"), image.layout);
    for (const json& file : fields.at("files")) image.files.emplace_back(backends::bytes_from_json(file));
    return image;
  });
}

}  // namespace sinter::cpu
