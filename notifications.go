package elevate

import "strings"

// NotificationType says what a notification is about.
type NotificationType string

// Types of the notifications that the library writes, each in the transaction
// that causes it and once.
const (
	NotificationEnrolled          NotificationType = "enrolled"
	NotificationCourseCompleted   NotificationType = "course_completed"
	NotificationCertificateIssued NotificationType = "certificate_issued"
	NotificationGraded            NotificationType = "graded"
)

// Message is the text of a type of notification. In both fields {course} stands
// for the title of the course, in those of NotificationGraded also {assignment}
// for that of the assignment; what is then longer than 255 characters in the title
// is cut.
type Message struct {
	// Title is at most 255 characters.
	Title string

	// Message is the text itself.
	Message string
}

func defaultMessages() map[NotificationType]Message {
	return map[NotificationType]Message{
		NotificationEnrolled: {
			Title:   "You are enrolled",
			Message: "You are enrolled in {course}.",
		},
		NotificationCourseCompleted: {
			Title:   "Course completed",
			Message: "You have completed {course}. Congratulations!",
		},
		NotificationCertificateIssued: {
			Title:   "Your certificate",
			Message: "Your certificate for {course} has been issued.",
		},
		NotificationGraded: {
			Title:   "Your work was graded",
			Message: "Your work on {assignment} in {course} was graded.",
		},
	}
}

func (m Message) validate(kind NotificationType) error {
	if _, ok := defaultMessages()[kind]; !ok {
		return invalid("Messages", "has a type that the library does not write")
	}
	field := "Messages." + strings.ReplaceAll(string(kind), "\x00", "")
	if err := text(field+".Title", m.Title, 1, maxName); err != nil {
		return err
	}
	return text(field+".Message", m.Message, 1, maxText)
}
