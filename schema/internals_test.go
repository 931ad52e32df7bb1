package schema

// What the tests reach beyond the package's own surface: any set of files, and
// any version to stop at.
var (
	CheckVersion  = check
	CreatedMark   = createdComment
	DownFiles     = down
	UpFiles       = up
	ReadFileNames = readFiles
	WithDefaults  = (*Config).withDefaults
)
