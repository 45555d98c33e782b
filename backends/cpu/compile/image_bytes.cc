#include "backends/cpu/compile/image_bytes.h"

#include <exception>

#include "backends/layout_bytes.h"

namespace sinter::cpu {

using nlohmann::json;

std::string to_bytes(const UnloadedImage& image) {
  json fields = backends::to_json(image.layout);
  json files = json::array();
  for (const std::string& file : image.files)
    files.push_back(backends::to_json(std::as_bytes(std::span(file))));
  fields["scratch_bytes"] = image.scratch_bytes;
  fields["files"] = std::move(files);
  std::string bytes;
  json::to_msgpack(fields, bytes);
  return bytes;
}

std::optional<UnloadedImage> from_bytes(std::string_view bytes) {
  try {
    const json fields = json::from_msgpack(bytes);
    UnloadedImage image{backends::layout_from_json(fields), fields.at("scratch_bytes"), {}};
    for (const json& file : fields.at("files")) {
      const auto& binary = file.get_binary();
      image.files.emplace_back(binary.begin(), binary.end());
    }
    return image;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace sinter::cpu
