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
	NotificationEmailChanged      NotificationType = "email_changed"
	NotificationPasswordChanged   NotificationType = "password_changed"
)

// Message is the text of a type of notification. In both fields {course} stands
// for the title of the course, where there is one; what is then longer than 255
// characters in the title is cut.
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
		NotificationEmailChanged: {
			Title:   "Email address changed",
			Message: "The email address of your account was changed. If it was not you, tell us at once.",
		},
		NotificationPasswordChanged: {
			Title:   "Password changed",
			Message: "The password of your account was changed. If it was not you, reset it at once.",
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
